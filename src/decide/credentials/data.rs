//! The data of a Secret as text, and the region that it names.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;

use super::keys::KEY_CONFIG;
use crate::domain::{Region, SecretText};

/// The data of a Secret as text. What is not UTF-8 is not the operator's, and is left out.
#[must_use]
pub fn texts(data: Option<BTreeMap<String, ByteString>>) -> BTreeMap<String, SecretText> {
    let text = |(key, ByteString(bytes))| Some((key, SecretText::new(String::from_utf8(bytes).ok()?)));
    data.unwrap_or_default().into_iter().filter_map(text).collect()
}

/// The region that the outputs `Process` and `Env` name. The output `File` names none.
#[must_use]
pub fn region(data: &BTreeMap<String, SecretText>) -> Option<Region> {
    let in_config = |text: &SecretText| {
        let mut lines = text.expose().lines();
        lines.find_map(|line| line.strip_prefix("region = ")).and_then(Region::parse)
    };
    let variable = data.get("AWS_REGION").and_then(|text| Region::parse(text.expose()));
    variable.or_else(|| data.get(KEY_CONFIG).and_then(in_config))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Output, SecretSpec};
    use crate::decide::credentials::published::fixture;
    use crate::decide::credentials::secret::DesiredSecret;

    #[test]
    fn the_region_is_read_from_each_output_that_names_one() {
        let region_of = |outputs: &[Output]| {
            let spec = SecretSpec { outputs: outputs.to_vec(), ..SecretSpec::default() };
            let declared = Region::parse("eu-west-1").unwrap();
            region(&DesiredSecret::of(&spec, "reader", declared).unwrap().render(&fixture::publication()).data)
        };
        let expected = Region::parse("eu-west-1");
        assert_eq!(region_of(&[Output::Process]), expected);
        assert_eq!(region_of(&[Output::Env]), expected);
        assert_eq!(region_of(&[Output::File]), None);
    }

    #[test]
    fn a_region_that_somebody_wrote_with_more_than_a_region_in_it_is_none() {
        let data = |text: &str| BTreeMap::from([("AWS_REGION".to_owned(), SecretText::new(text.to_owned()))]);
        assert_eq!(region(&data("eu-west-1\ncredential_process = x")), None);
    }

    #[test]
    fn what_is_not_utf_8_is_left_out() {
        let data =
            BTreeMap::from([("a".to_owned(), ByteString(vec![0xff])), ("b".to_owned(), ByteString(b"text".to_vec()))]);
        assert_eq!(texts(Some(data)).into_keys().collect::<Vec<_>>(), ["b"]);
    }
}
