//! Gzip bodies put together from parts that were compressed beforehand.
//!
//! Owns: blocks that end at a byte and refer to nothing outside of themselves (RFC 1951: a full flush), and the member of
//! RFC 1952 around them. It is one member, always: readers there are that stop after the first, or fail at the second.
//! Must not: know what is compressed.

use bytes::Bytes;
use crc32fast::Hasher;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// How a member begins: deflate, no name, no time, a fast level, on an unknown system.
pub(super) const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 0xff];

/// Makes blocks.
#[derive(Debug)]
pub(super) struct Deflater(Compress);

/// The length of a text and its CRC-32, which those of its parts make up.
#[derive(Clone, Debug, Default)]
pub(super) struct Checksum(Hasher);

impl Deflater {
    pub(super) fn new(level: u32) -> Self {
        Self(Compress::new(Compression::new(level), false))
    }

    /// Appends `text` to `blocks`, compressed, so that further blocks may follow.
    pub(super) fn block(&mut self, text: &[u8], blocks: &mut Vec<u8>) {
        self.deflate(text, FlushCompress::Full, blocks);
    }

    /// Appends `text` to `blocks`, compressed, as the last of them.
    pub(super) fn last_block(&mut self, text: &[u8], blocks: &mut Vec<u8>) {
        self.deflate(text, FlushCompress::Finish, blocks);
    }

    fn deflate(&mut self, text: &[u8], flush: FlushCompress, blocks: &mut Vec<u8>) {
        /// What a block of nothing takes, and more.
        const LEAST_ROOM: usize = 256;
        self.0.reset();
        loop {
            blocks.reserve(LEAST_ROOM);
            let taken = usize::try_from(self.0.total_in()).unwrap_or(usize::MAX);
            let rest = text.get(taken..).unwrap_or_default();
            let is_done = match self.0.compress_vec(rest, blocks, flush) {
                // With room left over, everything has come out.
                Ok(Status::Ok | Status::BufError) => blocks.len() < blocks.capacity(),
                // An error cannot happen to a stream that has just been reset.
                Ok(Status::StreamEnd) | Err(_) => true,
            };
            if is_done {
                return;
            }
        }
    }
}

/// The text of `blocks`, in chunks of up to `size` bytes.
pub(super) fn inflated(mut blocks: impl Iterator<Item = Bytes>, size: usize) -> impl Iterator<Item = Bytes> {
    let mut stream = Decompress::new(false);
    let mut block = Bytes::new();
    std::iter::from_fn(move || {
        let mut text = Vec::with_capacity(size);
        while text.len() < size {
            if block.is_empty() {
                match blocks.next() {
                    Some(next) => block = next,
                    None => break,
                }
            }
            let before = stream.total_in();
            // Our own blocks: what cannot be read of them would end the text, and so break off the answer.
            stream.decompress_vec(&block, &mut text, FlushDecompress::None).ok()?;
            let taken = usize::try_from(stream.total_in() - before).unwrap_or(usize::MAX);
            block = block.split_off(taken.min(block.len()));
        }
        (!text.is_empty()).then(|| Bytes::from(text))
    })
}

impl Checksum {
    /// Adds what follows.
    pub(super) fn add(&mut self, text: &[u8]) {
        self.0.update(text);
    }

    /// Adds a text that follows, by its checksum.
    pub(super) fn combine(&mut self, following: &Self) {
        self.0.combine(&following.0);
    }

    /// What a member ends with that contains the text, `length` bytes long.
    pub(super) fn trailer(self, length: u64) -> [u8; 8] {
        let mut trailer = [0; 8];
        // The length modulo 2^32, as RFC 1952 has it.
        let [a, b, c, d, ..] = length.to_le_bytes();
        trailer[..4].copy_from_slice(&self.0.finalize().to_le_bytes());
        trailer[4..].copy_from_slice(&[a, b, c, d]);
        trailer
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    fn checksum(text: &[u8]) -> Checksum {
        let mut checksum = Checksum::default();
        checksum.add(text);
        checksum
    }

    fn member(parts: &[&[u8]]) -> Vec<u8> {
        let (mut deflater, mut member, mut checksum) =
            (Deflater::new(1), HEADER.to_vec(), Checksum::default());
        for part in parts {
            deflater.block(part, &mut member);
            checksum.combine(&self::checksum(part));
        }
        deflater.last_block(b"# EOF\n", &mut member);
        checksum.add(b"# EOF\n");
        let length = parts.iter().map(|part| part.len()).sum::<usize>() + 6;
        member.extend(checksum.trailer(length as u64));
        member
    }

    proptest! {
        #[test]
        fn blocks_make_one_member_that_holds_their_texts(
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..2_000), 0..6),
            repeated in 0_usize..200_000,
        ) {
            let long = b"losant_org_devices{} 1\n".repeat(repeated / 23);
            let mut parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            parts.push(&long);
            let member = member(&parts);
            let (mut read, mut decoder) = (Vec::new(), GzDecoder::new(member.as_slice()));
            decoder.read_to_end(&mut read).unwrap();
            prop_assert_eq!(&read, &[parts.concat().as_slice(), b"# EOF\n"].concat());
            prop_assert!(decoder.into_inner().is_empty());
        }

        #[test]
        fn blocks_are_unpacked_in_chunks_whichever_of_them_are_taken(
            parts in proptest::collection::vec("[ab\n]{0,3000}", 1..6), size in 1_usize..5_000,
        ) {
            let mut deflater = Deflater::new(2);
            let blocks = parts.iter().map(|part| {
                let mut block = Vec::new();
                deflater.block(part.as_bytes(), &mut block);
                Bytes::from(block)
            });
            let (blocks, wanted): (Vec<_>, Vec<_>) = blocks.zip(&parts).step_by(2).unzip();
            let chunks: Vec<_> = inflated(blocks.into_iter(), size).collect();
            prop_assert!(chunks.iter().all(|chunk| !chunk.is_empty()));
            prop_assert_eq!(chunks.concat(), wanted.into_iter().map(String::as_str).collect::<String>().into_bytes());
        }

        #[test]
        fn a_block_stands_on_its_own(before in "[ab]{0,500}", after in "[ab]{0,500}") {
            let mut deflater = Deflater::new(1);
            let (mut alone, mut behind) = (Vec::new(), Vec::new());
            deflater.block(after.as_bytes(), &mut alone);
            deflater.block(before.as_bytes(), &mut behind);
            let start = behind.len();
            deflater.block(after.as_bytes(), &mut behind);
            prop_assert_eq!(&behind[start..], alone.as_slice());
        }
    }
}
