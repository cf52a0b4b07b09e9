//! Paging (AWS API reference, IAM: `MaxItems`, "If you do not include this parameter, the number of items defaults to 100",
//! `Marker`, `IsTruncated`). MiniStack answers everything at once.

use std::fmt::Write;

use super::super::{fault::AwsError, xml};

/// The lists that an action pages through, each with the element that orders its entries (none: the entry itself).
fn lists(action: &str) -> &'static [(&'static str, &'static str)] {
    match action {
        "ListRoles" => &[("Roles", "RoleName")],
        "ListUsers" => &[("Users", "UserName")],
        "ListGroups" => &[("Groups", "GroupName")],
        "ListPolicies" => &[("Policies", "Arn")],
        "ListRolePolicies" | "ListUserPolicies" | "ListGroupPolicies" => &[("PolicyNames", "")],
        "ListAttachedRolePolicies" | "ListAttachedUserPolicies" | "ListAttachedGroupPolicies" => {
            &[("AttachedPolicies", "PolicyArn")]
        }
        "ListRoleTags" | "ListUserTags" => &[("Tags", "Key")],
        "ListInstanceProfiles" | "ListInstanceProfilesForRole" => &[("InstanceProfiles", "InstanceProfileName")],
        "GetAccountAuthorizationDetails" => &[
            ("UserDetailList", "UserName"),
            ("GroupDetailList", "GroupName"),
            ("RoleDetailList", "RoleName"),
            ("Policies", "Arn"),
        ],
        "GetServiceLastAccessedDetails" => &[("ServicesLastAccessed", "ServiceNamespace")],
        _ => &[],
    }
}

/// Where an entry stands: its list, and its place in it. A page ends and the next begins by place, not by count, so that
/// what is deleted meanwhile shifts nothing.
type Place<'a> = (usize, &'a str);

/// Cuts the page asked for out of a whole answer; `None` if the answer is not paged or is one page.
pub(crate) fn cut(
    action: &str,
    answer: &str,
    size: Option<&str>,
    marker: Option<&str>,
) -> Result<Option<String>, AwsError> {
    let lists = lists(action);
    let size = size.and_then(|size| size.parse().ok()).unwrap_or(100);
    let mut entries: Vec<(Place<'_>, &str)> = Vec::new();
    for (index, (list, key)) in lists.iter().enumerate() {
        for entry in xml::members(xml::element(answer, list).unwrap_or_default()) {
            entries.push(((index, xml::element(entry, key).unwrap_or(entry)), entry));
        }
    }
    let after = marker.map(read_marker).transpose()?;
    if after.is_none() && entries.len() <= size {
        return Ok(None);
    }
    entries.sort_unstable();
    if let Some((index, key)) = &after {
        entries.retain(|(place, _)| *place > (*index, key));
    }
    let truncated = entries.len() > size;
    entries.truncate(size);

    let mut page = answer.to_owned();
    for (index, (list, _)) in lists.iter().enumerate() {
        let Some(all) = xml::element(answer, list) else { continue };
        let mut members = String::new();
        for (_, entry) in entries.iter().filter(|((of, _), _)| *of == index) {
            members.extend(["<member>", entry, "</member>"]);
        }
        page = page.replacen(&format!("<{list}>{all}</{list}>"), &format!("<{list}>{members}</{list}>"), 1);
    }
    if let (true, Some((place, _))) = (truncated, entries.last()) {
        let more = format!("<IsTruncated>true</IsTruncated><Marker>{}</Marker>", write_marker(*place));
        page = page.replacen("<IsTruncated>false</IsTruncated>", &more, 1);
    }
    Ok(Some(page))
}

/// Markers are opaque to clients; this one is the place in hexadecimal.
fn write_marker((index, key): Place<'_>) -> String {
    let mut marker = format!("{index:02x}");
    for byte in key.bytes() {
        let _ = write!(marker, "{byte:02x}"); // writing to a string cannot fail
    }
    marker
}

fn read_marker(marker: &str) -> Result<(usize, String), AwsError> {
    let bytes = |marker: &str| -> Option<Vec<u8>> {
        (0..marker.len()).step_by(2).map(|at| u8::from_str_radix(marker.get(at..at + 2)?, 16).ok()).collect()
    };
    bytes(marker)
        .and_then(|bytes| bytes.split_first().map(|(index, key)| (usize::from(*index), key.to_vec())))
        .and_then(|(index, key)| Some((index, String::from_utf8(key).ok()?)))
        .ok_or_else(|| AwsError::new(400, "ValidationError", format!("Invalid Marker: {marker}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(names: &[&str]) -> String {
        let roles: Vec<_> = names.iter().map(|name| format!("<member><RoleName>{name}</RoleName></member>")).collect();
        let roles = roles.concat();
        format!("<R><Roles>{roles}</Roles><IsTruncated>false</IsTruncated></R>")
    }

    fn names(page: &str) -> Vec<&str> {
        let roles = xml::members(xml::element(page, "Roles").unwrap());
        roles.into_iter().map(|role| xml::element(role, "RoleName").unwrap()).collect()
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let whole = answer(&["c", "a", "b"]);
        let first = cut("ListRoles", &whole, Some("2"), None).unwrap().unwrap();
        assert_eq!((names(&first), xml::element(&first, "IsTruncated")), (vec!["a", "b"], Some("true")));
        let marker = xml::element(&first, "Marker");
        let last = cut("ListRoles", &whole, Some("2"), marker).unwrap().unwrap();
        assert_eq!((names(&last), xml::element(&last, "IsTruncated")), (vec!["c"], Some("false")));
    }

    #[test]
    fn what_is_deleted_between_pages_shifts_nothing() {
        let first = cut("ListRoles", &answer(&["a", "b", "c"]), Some("2"), None).unwrap().unwrap();
        let marker = xml::element(&first, "Marker");
        let last = cut("ListRoles", &answer(&["a", "c"]), Some("2"), marker).unwrap().unwrap();
        assert_eq!(names(&last), ["c"]);
    }

    #[test]
    fn a_short_list_and_an_action_without_pages_are_left_alone() {
        assert_eq!(cut("ListRoles", &answer(&["a"]), None, None).unwrap(), None);
        assert_eq!(cut("GetRole", &answer(&["a", "b"]), Some("1"), None).unwrap(), None);
    }

    #[test]
    fn a_marker_that_was_never_given_out_is_refused() {
        assert!(cut("ListRoles", &answer(&["a"]), None, Some("?")).is_err());
    }
}
