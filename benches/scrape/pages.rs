//! The pages that are compared: what the exporter shows at one moment, kept in files for the others.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;

use crate::client::{Answer, Client, Coding};

/// A page as it travels, in both codings.
pub struct Pages {
    /// All of it, as it is.
    pub plain: PathBuf,
    /// The same, packed.
    pub gzip: PathBuf,
    pub content_type: String,
    /// Whether the exporter has packed it. Otherwise it was packed here, as quickly as it goes.
    pub is_packed_by_exporter: bool,
    /// How many of its series are of Losant.
    pub series: u64,
}

impl Pages {
    /// Asks the exporter for a page as `accept` says, and keeps it in `folder`.
    pub fn saved(folder: &Path, exporter: &mut Client, accept: &str) -> Self {
        let (plain, gzip) = (folder.join("page"), folder.join("page.gz"));
        let (answer, body) = exporter.page(Coding::Gzip, accept);
        let page = unpacked(&answer, &body);
        std::fs::write(&plain, &page).expect("a file");
        if answer.is_gzip {
            std::fs::write(&gzip, &body).expect("a file");
        } else {
            let mut packed = GzEncoder::new(File::create(&gzip).expect("a file"), Compression::fast());
            packed.write_all(page.as_bytes()).expect("a file");
            packed.finish().expect("a file");
        }
        Self {
            plain,
            gzip,
            content_type: answer.content_type,
            is_packed_by_exporter: answer.is_gzip,
            series: series(page.lines().filter(|line| is_usage(line))),
        }
    }

    /// Writes what the page says of Losant, and not of the exporter, to a file of its own: what peers hold.
    pub fn usage(&self, folder: &Path) -> PathBuf {
        let path = folder.join("usage");
        let page = std::fs::read_to_string(&self.plain).expect("a page");
        let mut file = BufWriter::new(File::create(&path).expect("a file"));
        for line in page.lines().filter(|line| is_usage(line)) {
            writeln!(file, "{line}").expect("a file");
        }
        file.flush().expect("a file");
        path
    }
}

/// What an answer says, unpacked if it is packed.
pub fn unpacked(answer: &Answer, body: &[u8]) -> String {
    if !answer.is_gzip {
        return String::from_utf8(body.to_vec()).expect("text");
    }
    let (mut page, mut packed) = (String::new(), GzDecoder::new(body));
    packed.read_to_string(&mut page).expect("one member of gzip");
    assert!(packed.into_inner().is_empty(), "nothing behind the only member");
    page
}

/// How many of these lines are series.
pub fn series<'a>(lines: impl Iterator<Item = &'a str>) -> u64 {
    lines.filter(|line| !line.starts_with('#')).count() as u64
}

fn is_usage(line: &str) -> bool {
    let family = ["# HELP ", "# TYPE "].iter().find_map(|start| line.strip_prefix(start)).unwrap_or(line);
    family.starts_with("losant_") && !family.starts_with("losant_exporter_")
}

/// The largest value of a family.
pub fn largest(page: &str, family: &str) -> Option<f64> {
    let of_family = |line: &&str| line.strip_prefix(family).is_some_and(|rest| rest.starts_with(['{', ' ']));
    let values = page.lines().filter(of_family).filter_map(|line| line.rsplit_once(' ')?.1.parse().ok());
    values.max_by(f64::total_cmp)
}
