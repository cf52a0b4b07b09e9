//! The files of an image as a layer: a compressed tar that depends on nothing but their names, modes and content.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use flate2::{Compression, write::GzEncoder};
use tar::{Builder, EntryType, Header};

use super::archive::digest;

/// The file in which the cache keeps that a folder is complete; no part of an image.
const CACHE_MARK: &str = ".complete";

/// What is at one path.
#[derive(Debug)]
pub enum Entry {
    Folder { mode: u32 },
    File { mode: u32, content: Content },
    Link { target: PathBuf },
}

/// Where a file comes from.
#[derive(Debug)]
pub enum Content {
    Text(String),
    Path(PathBuf),
}

impl Entry {
    /// A program of this machine.
    pub fn program(path: &Path) -> Self {
        Self::File { mode: 0o755, content: Content::Path(path.to_owned()) }
    }

    /// A file that everybody may read.
    pub fn text(text: String) -> Self {
        Self::File { mode: 0o644, content: Content::Text(text) }
    }
}

/// The files of an image, by their paths relative to its root. A folder comes before what is in it.
#[derive(Debug, Default)]
pub struct Tree(BTreeMap<PathBuf, Entry>);

impl Tree {
    /// Adds what is at an absolute path, and the folders above it.
    pub fn add(&mut self, path: &str, entry: Entry) {
        let path = Path::new(path.trim_start_matches('/'));
        for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
            self.0.entry(folder.to_owned()).or_insert(Entry::Folder { mode: 0o755 });
        }
        self.0.insert(path.to_owned(), entry);
    }

    /// All that is in a folder.
    pub fn of_folder(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let path = entry?.path();
                let inside = path.strip_prefix(root)?.to_owned();
                let metadata = fs::symlink_metadata(&path)?;
                let mode = metadata.permissions().mode() & 0o7777;
                let entry = if metadata.is_dir() {
                    folders.push(path);
                    Entry::Folder { mode }
                } else if metadata.is_symlink() {
                    Entry::Link { target: fs::read_link(&path)? }
                } else if metadata.is_file() {
                    Entry::File { mode, content: Content::Path(path) }
                } else {
                    bail!("{} is neither a file, a folder nor a link", path.display());
                };
                tree.0.insert(inside, entry);
            }
        }
        tree.0.remove(Path::new(CACHE_MARK));
        Ok(tree)
    }
}

/// A layer.
#[derive(Debug)]
pub struct Layer {
    /// The compressed tar.
    pub content: Vec<u8>,
    /// Digest of the tar before it is compressed.
    pub diff_id: String,
    /// Bytes of all files.
    pub size: u64,
}

impl Layer {
    /// The files as a layer.
    pub fn of(tree: &Tree) -> Result<Self> {
        let mut tar = Builder::new(Vec::new());
        let mut size = 0;
        for (path, entry) in &tree.0 {
            size += append(&mut tar, path, entry).with_context(|| format!("cannot take {} in", path.display()))?;
        }
        let tar = tar.into_inner()?;
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&tar)?;
        Ok(Self { content: gzip.finish()?, diff_id: digest(&tar), size })
    }
}

fn append(tar: &mut Builder<Vec<u8>>, path: &Path, entry: &Entry) -> Result<u64> {
    match entry {
        Entry::Folder { mode } => {
            tar.append_data(&mut header(EntryType::Directory, *mode), path.join(""), &[][..])?;
            Ok(0)
        }
        Entry::Link { target } => {
            tar.append_link(&mut header(EntryType::Symlink, 0o777), path, target)?;
            Ok(0)
        }
        Entry::File { mode, content } => {
            let content = match content {
                Content::Text(text) => text.clone().into_bytes(),
                Content::Path(path) => fs::read(path)?,
            };
            let mut header = header(EntryType::Regular, *mode);
            let size = u64::try_from(content.len())?;
            header.set_size(size);
            tar.append_data(&mut header, path, content.as_slice())?;
            Ok(size)
        }
    }
}

/// Owned by root, and made when Unix time began.
pub fn header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(0);
    header
}

#[cfg(test)]
mod tests {
    use std::{io::Read as _, os::unix::fs::symlink, time::SystemTime};

    use flate2::read::GzDecoder;
    use tempfile::{TempDir, tempdir};

    use super::*;

    /// A folder with one of each, whose files are made in this order.
    fn folder(names: [&str; 2]) -> Result<TempDir> {
        let folder = tempdir()?;
        fs::create_dir(folder.path().join("sub"))?;
        for name in names {
            fs::write(folder.path().join("sub").join(name), name)?;
        }
        symlink("sub/a", folder.path().join("link"))?;
        fs::write(folder.path().join(CACHE_MARK), names[0])?;
        Ok(folder)
    }

    fn layer(folder: &TempDir) -> Result<Layer> {
        Layer::of(&Tree::of_folder(folder.path())?)
    }

    #[test]
    fn the_same_files_give_the_same_bytes_whenever_and_in_whatever_order_they_were_made() -> Result<()> {
        let [first, second] = [folder(["a", "b"])?, folder(["b", "a"])?];
        fs::File::open(second.path().join("sub/a"))?.set_modified(SystemTime::UNIX_EPOCH)?;
        let before = layer(&first)?;
        assert_eq!(before.content, layer(&second)?.content);
        assert_eq!(before.size, 2);

        fs::set_permissions(second.path().join("sub/a"), fs::Permissions::from_mode(0o700))?;
        assert_ne!(before.diff_id, layer(&second)?.diff_id, "a mode is part of an image");
        Ok(())
    }

    #[test]
    fn a_layer_has_each_path_once_and_folders_before_what_is_in_them() -> Result<()> {
        let mut tree = Tree::default();
        tree.add("/etc/ssl/certs/list", Entry::text("text".to_owned()));
        tree.add("/etc/other", Entry::text(String::new()));
        let mut tar = Vec::new();
        GzDecoder::new(Layer::of(&tree)?.content.as_slice()).read_to_end(&mut tar)?;
        let mut archive = tar::Archive::new(tar.as_slice());
        let mut paths = Vec::new();
        for entry in archive.entries()? {
            let entry = entry?;
            let header = entry.header();
            assert_eq!((header.uid()?, header.gid()?, header.mtime()?), (0, 0, 0));
            paths.push((entry.path()?.display().to_string(), header.mode()?));
        }
        let expected = [
            ("etc/", 0o755),
            ("etc/other", 0o644),
            ("etc/ssl/", 0o755),
            ("etc/ssl/certs/", 0o755),
            ("etc/ssl/certs/list", 0o644),
        ];
        assert_eq!(paths, expected.map(|(path, mode)| (path.to_owned(), mode)));
        Ok(())
    }
}
