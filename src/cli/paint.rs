//! Colours. They are always in the text, and the output drops them unless a terminal shows them and `NO_COLOR` is not set.

use anstyle::{AnsiColor, Style};

/// Something works.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Something needs attention.
pub const WARN: Style = AnsiColor::Yellow.on_default();
/// Something does not work.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// A name.
pub const STRONG: Style = Style::new().bold();
/// What is said beside.
pub const FAINT: Style = Style::new().dimmed();

/// Text in a style. Characters that would move the cursor or colour the terminal are shown and not obeyed: what objects
/// say may come from anybody.
#[must_use]
pub fn painted(style: Style, text: &str) -> String {
    format!("{style}{}{style:#}", plain(text))
}

/// Text without characters that a terminal obeys.
#[must_use]
pub fn plain(text: &str) -> String {
    let shown = |letter: char| if is_obeyed(letter) { letter.escape_default().to_string() } else { letter.to_string() };
    text.chars().map(shown).collect()
}

/// Whether a terminal, or a reader of YAML, takes it for more than a letter: controls, the line breaks of Unicode, marks of byte
/// order, and what turns the direction of writing (Unicode Standard Annex 9, "Directional Formatting Characters").
fn is_obeyed(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_object_says_cannot_change_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\\nc");
        assert_eq!(plain("a\u{2028}b\u{202e}c\u{85}d"), "a\\u{2028}b\\u{202e}c\\u{85}d");
        assert_eq!(painted(BAD, "no"), "\u{1b}[1m\u{1b}[31mno\u{1b}[0m");
    }
}
