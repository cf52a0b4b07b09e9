//! The file that holds the authorization token. A process that can read it can get the credentials.

use std::{
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use subtle::ConstantTimeEq as _;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::domain::SecretText;

/// Bytes of randomness in a token that the agent makes.
const RANDOM: usize = 32;

/// Mode of a token file that the agent makes. Readable by the group, because the program often runs as another user: the
/// kubelet gives an emptyDir the pod's `fsGroup`, and with it whatever is made there.
const MODE: u32 = 0o640;

/// Where the token is. It is read again for each request, so its owner may change it at any time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFile(PathBuf);

/// The token cannot be had.
#[derive(Debug, Error)]
pub enum TokenError {
    /// The file is not there.
    #[error("the token file {} is not there; mount it, or let the agent make it: --create-token-file=true", .0.display())]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error("cannot read the token file {}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is empty, and an empty token would be no token.
    #[error("the token file {} is empty; write a token into it, or remove it and let the agent make one", .0.display())]
    Empty(PathBuf),
    /// The system gives no random bytes. A static binary asks /dev/urandom for them, which every container has.
    #[error("cannot get random bytes for a token; is /dev/urandom there?")]
    Random(#[source] getrandom::Error),
    /// The file cannot be made.
    #[error("cannot make the token file {}; its folder must be there and writable, such as an emptyDir", .path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl TokenFile {
    /// The token in this file.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The token as it is now, without a line end: SDKs refuse a token that has one, but tools and people write one.
    pub fn read(&self) -> Result<SecretText, TokenError> {
        let Self(path) = self;
        let text = match fs::read_to_string(path) {
            Ok(text) => SecretText::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(TokenError::Missing(path.clone())),
            Err(source) => return Err(TokenError::Unreadable { path: path.clone(), source }),
        };
        match text.expose().trim_end_matches(['\r', '\n']) {
            "" => Err(TokenError::Empty(path.clone())),
            token => Ok(SecretText::new(token.to_owned())),
        }
    }

    /// Makes the file with a random token, unless it is there: one from before a restart is as good, and known already.
    pub fn create(&self) -> Result<(), TokenError> {
        let Self(path) = self;
        if path.exists() {
            return Ok(());
        }
        let token = random().map_err(TokenError::Random)?;
        write_new(path, &token).map_err(|source| TokenError::Create { path: path.clone(), source })
    }
}

/// Under another name first, so that no reader ever finds an empty file.
fn write_new(path: &Path, token: &SecretText) -> io::Result<()> {
    let begun = path.with_added_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&begun)?;
    file.write_all(token.expose().as_bytes())?;
    fs::rename(&begun, path)
}

fn random() -> Result<SecretText, getrandom::Error> {
    let mut bytes = Zeroizing::new([0; RANDOM]);
    getrandom::fill(bytes.as_mut())?;
    let mut token = String::with_capacity(2 * RANDOM);
    for byte in *bytes {
        // Writing to a String cannot fail.
        let _ = write!(token, "{byte:02x}");
    }
    Ok(SecretText::new(token))
}

/// Whether this is the token. Takes the same time wherever the two differ.
#[must_use]
pub fn is(token: &SecretText, given: &[u8]) -> bool {
    token.expose().as_bytes().ct_eq(given).into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn holding(text: &str) -> (tempfile::TempDir, TokenFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, text).unwrap();
        (folder, TokenFile::new(path))
    }

    #[test]
    fn only_the_whole_token_is_the_token() {
        let token = SecretText::new("one-token".into());
        assert!(is(&token, b"one-token"));
        for other in ["", "one-toke", "one-token ", "One-token", "one-tokenone-token"] {
            assert!(!is(&token, other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn a_line_end_does_not_count_and_an_empty_file_is_no_token() {
        let (_folder, file) = holding("one-token\r\n");
        assert_eq!(file.read().unwrap().expose(), "one-token");
        for empty in ["", "\n"] {
            let (_folder, file) = holding(empty);
            assert!(matches!(file.read(), Err(TokenError::Empty(_))));
        }
    }

    #[test]
    fn a_token_that_is_made_is_random_and_for_owner_and_group_only() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| TokenFile::new(folder.path().join(name)));
        assert!(matches!(one.read(), Err(TokenError::Missing(_))));
        one.create().unwrap();
        other.create().unwrap();
        let token = one.read().unwrap();
        assert_eq!(token.expose().len(), 2 * RANDOM);
        assert_ne!(token, other.read().unwrap());
        assert_eq!(fs::metadata(&one.0).unwrap().permissions().mode() & 0o7777 & !MODE, 0);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_token_that_is_there_is_kept() {
        let (_folder, file) = holding("one-token");
        file.create().unwrap();
        assert_eq!(file.read().unwrap().expose(), "one-token");
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = TokenFile::new(folder.path().join("missing/token")).create().unwrap_err();
        assert!(error.to_string().contains("such as an emptyDir"), "{error}");
    }
}
