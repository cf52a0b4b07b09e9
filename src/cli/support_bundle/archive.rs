//! The files in one archive.

use std::collections::BTreeMap;
use std::io;

use flate2::{Compression, write::GzEncoder};
use tar::{Builder, EntryType, Header};

/// The folder in the archive that has all files.
pub const FOLDER: &str = "crossaccount-support";

/// Files for their owner alone.
const MODE: u32 = 0o600;

/// A `.tar.gz` of the texts by path. The same texts and time, in seconds since 1970, give the same bytes.
pub fn archive(texts: &BTreeMap<String, String>, time: u64) -> io::Result<Vec<u8>> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (path, text) in texts {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(text.len() as u64);
        header.set_mode(MODE);
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        builder.append_data(&mut header, format!("{FOLDER}/{path}"), text.as_bytes())?;
    }
    builder.into_inner()?.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn the_same_texts_and_time_give_the_same_archive_with_every_file_in_one_folder() {
        let long = format!("explain/{}/{}.txt", "n".repeat(63), "o".repeat(253));
        let texts = [("README.txt", "read"), ("operator/a.log", ""), (&*long, "long")];
        let texts: BTreeMap<String, String> = texts.map(|(path, text)| (path.to_owned(), text.to_owned())).into();
        let bytes = archive(&texts, 1_800_000_000).unwrap();
        assert_eq!(bytes, archive(&texts, 1_800_000_000).unwrap());

        let mut found = BTreeMap::new();
        for entry in tar::Archive::new(GzDecoder::new(&*bytes)).entries().unwrap() {
            let mut entry = entry.unwrap();
            assert_eq!((entry.header().mode().unwrap(), entry.header().mtime().unwrap()), (0o600, 1_800_000_000));
            let path = entry.path().unwrap().display().to_string();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            found.insert(path.strip_prefix("crossaccount-support/").unwrap().to_owned(), text);
        }
        assert_eq!(found, texts);
    }
}
