//! The little XML the query protocol needs: finding, splitting and wrapping elements of answers that one known server
//! writes without attributes, comments or self-closing elements.

/// The text between the first `<name>` and its end tag. Good for elements that do not nest in themselves.
pub(crate) fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

/// Escapes text for an element.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The text that was escaped.
pub(crate) fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_found_by_its_whole_name() {
        assert_eq!(element("<RoleNames>x</RoleNames><RoleName>reader</RoleName>", "RoleName"), Some("reader"));
        assert_eq!(element("<RoleNames>x</RoleNames>", "RoleName"), None);
    }

    #[test]
    fn text_survives_escaping() {
        let text = "a<b> & \"c\" &amp;";
        assert_eq!(unescape(&escape(text)), text);
    }
}
