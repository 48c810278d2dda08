//! The usage page, ready to be sent.
//!
//! Owns: the compressed page, in one piece; where in it each section stands; and which sections a filter chooses. A part of
//! the page is sections of it: nothing is written or compressed for it. The plain text of a large page is not kept either: a
//! million series are 140 megabytes of it, and unpacking those takes about as long as sending them.
//! Must not: wait.

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;

use super::deflate::{Checksum, Deflater, inflated};
use super::family::Group;
use super::filter::Filter;
use super::sheet::{Bookmark, Section, Sheet};
use super::shown::Validity;
use crate::usage::Id;

/// How much text goes into a deflate block at least: little enough to be written while it is in the cache of the processor,
/// and enough for the tables of a block not to count.
const BLOCK: usize = 128 * 1024;

/// Up to how much plain text is kept: to unpack as little as that takes longer than to send it, and the memory does not matter.
const KEPT_TEXT: usize = 16 * 1024 * 1024;

/// The usage page at a moment. Scrapes share it, and the last of them frees it.
#[derive(Debug)]
pub(super) struct Page {
    validity: Validity,
    pieces: Vec<Piece>,
    /// All pieces, compressed, one after the other.
    deflated: Bytes,
    /// All pieces as text, where that is not much.
    text: Option<Bytes>,
    /// The instances that there may be asked for; `None` while others may turn up.
    instances: Option<BTreeSet<Id>>,
    everything: Part,
}

/// A stretch of the page that is sent as a whole or not at all.
#[derive(Debug)]
struct Piece {
    content: Content,
    /// Where it stands in the compressed page.
    at: Range<usize>,
    /// Where its text stands in that of the page.
    text_at: Range<usize>,
    checksum: Checksum,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// HELP and TYPE of the family whose series follow.
    Heading,
    /// The series of an instance.
    Series { group: Option<Group>, instance: Id },
    /// What the exporter says of the page itself.
    Overview,
}

/// Pieces of a page.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    /// Where they stand in the compressed page.
    pub(super) at: Vec<Range<usize>>,
    /// Where their texts stand in that of the page.
    text_at: Vec<Range<usize>>,
    pub(super) checksum: Checksum,
    /// The length of their texts.
    pub(super) length: u64,
}

impl Page {
    /// Writes and compresses `sheet`, which loses each family once that is written, and after it the `overview` of it. `known`
    /// are instances that may be asked for although there is nothing of them yet; `None` while others may turn up.
    pub(super) fn new(
        mut sheet: Sheet,
        overview: &str,
        validity: Validity,
        known: Option<&BTreeSet<Id>>,
        mut press: Press<'_>,
    ) -> Self {
        let instances: Vec<_> = sheet.instances().collect();
        let only = if let [only] = instances.as_slice() { Some(*only) } else { None };
        let families = sheet.shared_families();
        for (place, (family, series)) in
            families.all().iter().zip(sheet.sizes().collect::<Vec<_>>()).enumerate()
        {
            if series == 0 {
                continue;
            }
            let group = family.group;
            // Where there is one instance, a heading belongs to its series, and families of a group are one piece.
            let heading = only.map_or(Content::Heading, |instance| Content::Series { group, instance });
            press.write(heading, |text| {
                text.extend_from_slice(family.heading.as_bytes());
                false
            });
            for (number, id) in instances.iter().enumerate() {
                let section = Section { family: place, instance: number };
                let mut at = Bookmark::default();
                press.write(Content::Series { group, instance: *id }, |text| {
                    let next = sheet.write(section, at, text, BLOCK);
                    at = next.unwrap_or_default();
                    next.is_some()
                });
            }
            // What comes out takes the room of what went in.
            sheet.forget(place);
        }
        press.write(Content::Overview, |text| {
            text.extend_from_slice(overview.as_bytes());
            false
        });
        let instances = known.map(|known| known.iter().copied().chain(instances).collect());
        let Pressed { pieces, deflated, text } = press.finish();
        let everything = choose(&pieces, &Filter::default());
        Self { validity, pieces, deflated, text, instances, everything }
    }

    /// Until when it shows what it should.
    pub(super) const fn validity(&self) -> &Validity {
        &self.validity
    }

    /// The instances that there may be asked for; `None` while others may turn up.
    pub(super) const fn instances(&self) -> Option<&BTreeSet<Id>> {
        self.instances.as_ref()
    }

    /// The size of the compressed page.
    pub(super) const fn compressed_size(&self) -> usize {
        self.deflated.len()
    }

    /// The part that `filter` chooses.
    pub(super) fn part(&self, filter: &Filter) -> Part {
        if filter.is_everything() { self.everything.clone() } else { choose(&self.pieces, filter) }
    }

    /// The deflate blocks of a part.
    pub(super) fn blocks(&self, part: &Part) -> impl Iterator<Item = Bytes> + use<> {
        let deflated = self.deflated.clone();
        part.at.clone().into_iter().map(move |at| deflated.slice(at))
    }

    /// The text of a part, in chunks, of up to `size` bytes where it has to be unpacked.
    pub(super) fn text(&self, part: &Part, size: usize) -> Box<dyn Iterator<Item = Bytes> + Send + Sync> {
        match self.text.clone() {
            Some(text) => Box::new(part.text_at.clone().into_iter().map(move |at| text.slice(at))),
            None => Box::new(inflated(self.blocks(part), size)),
        }
    }
}

/// The pieces that `filter` chooses; a heading where series follow.
fn choose(pieces: &[Piece], filter: &Filter) -> Part {
    let mut part = Part::default();
    let mut heading = None;
    for piece in pieces {
        match piece.content {
            Content::Heading => heading = Some(piece),
            Content::Series { group, instance } => {
                if filter.wants_group(group) && filter.wants_instance(instance) {
                    heading.take().into_iter().for_each(|heading| part.add(heading));
                    part.add(piece);
                }
            }
            Content::Overview => part.add(piece),
        }
    }
    part
}

impl Part {
    fn add(&mut self, piece: &Piece) {
        extend(&mut self.at, &piece.at);
        extend(&mut self.text_at, &piece.text_at);
        self.checksum.combine(&piece.checksum);
        self.length += piece.text_at.len() as u64;
    }
}

/// Adds a range to those before it, of which the last may end where it starts.
fn extend(ranges: &mut Vec<Range<usize>>, range: &Range<usize>) {
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range.clone()),
    }
}

/// Turns text into pieces.
pub(super) struct Press<'a> {
    deflater: &'a mut Deflater,
    /// What has been written and not been compressed yet. It belongs to the last piece.
    block: &'a mut Vec<u8>,
    pieces: Vec<Piece>,
    deflated: Vec<u8>,
    /// As long as it is not too much.
    text: Option<Vec<u8>>,
}

/// What comes out of a [`Press`].
struct Pressed {
    pieces: Vec<Piece>,
    deflated: Bytes,
    text: Option<Bytes>,
}

impl<'a> Press<'a> {
    /// A press for a page of about `size` bytes compressed; `block` is where text is written before that.
    pub(super) fn new(deflater: &'a mut Deflater, block: &'a mut Vec<u8>, size: usize) -> Self {
        block.clear();
        // Text shrinks to a tenth or so. Of a page that is much larger, none is copied only to be given up.
        let text = (size < KEPT_TEXT / 4).then(Vec::new);
        // A little more, so that a page that has grown does not move to twice the room.
        let room = size + size / 16;
        Self { deflater, block, pieces: Vec::new(), deflated: Vec::with_capacity(room), text }
    }

    /// Adds what `write` writes, a block at each call, for as long as it returns that there is more.
    fn write(&mut self, content: Content, mut write: impl FnMut(&mut Vec<u8>) -> bool) {
        if self.pieces.last().is_none_or(|piece| piece.content != content) {
            self.close_piece();
            let (start, text_start) = (self.deflated.len(), self.length());
            let (at, text_at) = (start..start, text_start..text_start);
            self.pieces.push(Piece { content, at, text_at, checksum: Checksum::default() });
        }
        loop {
            let is_more = write(self.block);
            if self.block.len() >= BLOCK {
                self.close_block();
            }
            if !is_more {
                return;
            }
        }
    }

    /// How much text there is in the blocks that are closed.
    fn length(&self) -> usize {
        self.pieces.last().map_or(0, |piece| piece.text_at.end)
    }

    fn close_block(&mut self) {
        let Some(piece) = self.pieces.last_mut().filter(|_| !self.block.is_empty()) else { return };
        self.deflater.block(self.block, &mut self.deflated);
        piece.at.end = self.deflated.len();
        piece.text_at.end += self.block.len();
        piece.checksum.add(self.block);
        if let Some(text) = self.text.as_mut().filter(|text| text.len() + self.block.len() <= KEPT_TEXT) {
            text.extend_from_slice(self.block);
        } else {
            self.text = None;
        }
        self.block.clear();
    }

    /// Closes the last piece, and forgets it when there is nothing in it.
    fn close_piece(&mut self) {
        self.close_block();
        self.pieces.pop_if(|piece| piece.text_at.is_empty());
    }

    fn finish(mut self) -> Pressed {
        self.close_piece();
        self.deflated.shrink_to_fit();
        if let Some(text) = &mut self.text {
            text.shrink_to_fit();
        }
        Pressed { pieces: self.pieces, deflated: self.deflated.into(), text: self.text.map(Bytes::from) }
    }
}
