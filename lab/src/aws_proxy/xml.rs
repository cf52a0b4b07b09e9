//! The little XML the query protocol needs: finding, splitting and wrapping elements of answers that one known server
//! writes without attributes, comments or self-closing elements.

/// The text between the first `<name>` and its end tag. Good for elements that do not nest in themselves.
pub(crate) fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

/// The outermost `<member>`s of a list.
pub(crate) fn members(list: &str) -> Vec<&str> {
    const START: &str = "<member>";
    const END: &str = "</member>";
    let (mut members, mut depth, mut begin, mut at) = (Vec::new(), 0_usize, 0, 0);
    while let Some(tag) = list[at..].find('<').map(|found| at + found) {
        at = tag + 1;
        if list[tag..].starts_with(START) {
            if depth == 0 {
                begin = tag + START.len();
            }
            depth += 1;
        } else if list[tag..].starts_with(END) {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                members.push(&list[begin..tag]);
            }
        }
    }
    members
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
    fn only_the_outermost_members_are_split() {
        let list = "<member><A>1</A><Tags><member>x</member></Tags></member><member></member>";
        assert_eq!(members(list), ["<A>1</A><Tags><member>x</member></Tags>", ""]);
    }

    #[test]
    fn text_survives_escaping() {
        let text = "a<b> & \"c\" &amp;";
        assert_eq!(unescape(&escape(text)), text);
    }
}
