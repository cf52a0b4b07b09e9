use super::*;

const OURS: &str =
    "[profile reader]\nregion = eu-west-1\ncredential_process = kubectl-crossaccount credentials reader -n a\n";
const EARLIER: &str = "[profile reader]\ncredential_process = kubectl-crossaccount credentials old -n b\n";

fn profile(name: &str) -> Profile {
    Profile { name: name.to_owned(), region: Region::parse("eu-west-1"), command: format!("{PROGRAM}reader -n a") }
}

fn written(text: &str, force: bool) -> Result<String, Obstacle> {
    with_profile(text, &profile("reader"), force)
}

#[test]
fn the_section_comes_to_the_end_of_a_file_that_has_none() {
    for (before, expected) in [
        ("", OURS.to_owned()),
        ("# mine\n[default]\nregion=x\n", format!("# mine\n[default]\nregion=x\n\n{OURS}")),
        ("[default]\nregion=x", format!("[default]\nregion=x\n\n{OURS}")),
        ("[profile readers]\na = b\n", format!("[profile readers]\na = b\n\n{OURS}")),
        ("[sso-session reader]\na = b\n", format!("[sso-session reader]\na = b\n\n{OURS}")),
        ("# [profile reader]\n", format!("# [profile reader]\n\n{OURS}")),
    ] {
        assert_eq!(written(before, false), Ok(expected), "{before:?}");
    }
}

#[test]
fn only_the_earlier_section_is_replaced_and_all_around_it_stays() {
    for (before, after) in [
        ("", ""),
        ("[default]\r\tregion=x ; odd\n\n\n", "\n# of the next one\n\n[profile b]\ns3 =\n  max = 1\n"),
        ("# mine\n", "; the end"),
        ("", "\n\n"),
    ] {
        let changed = written(&format!("{before}{EARLIER}{after}"), false);
        assert_eq!(changed, Ok(format!("{before}{OURS}{after}")), "{before:?} {after:?}");
        assert_eq!(written(&changed.clone().unwrap(), false), changed, "a second time");
    }
}

#[test]
fn other_spellings_of_the_header_are_the_same_profile() {
    for header in ["[ profile   reader ]", "[profile \"reader\"]", "[profile reader] # mine", "[profile\treader]"] {
        let before = EARLIER.replace("[profile reader]", header);
        assert_eq!(written(&before, false), Ok(OURS.to_owned()), "{header}");
    }
}

#[test]
fn a_file_of_windows_keeps_its_line_ends() {
    let windows = |text: &str| text.replace('\n', "\r\n");
    let before = windows(&format!("[default]\n\n{EARLIER}\n[profile b]\n"));
    assert_eq!(written(&before, false), Ok(windows(&format!("[default]\n\n{OURS}\n[profile b]\n"))));
}

#[test]
fn a_section_that_somebody_else_wrote_is_replaced_only_by_force() {
    for settings in [
        "",
        "role_arn = x\n",
        "credential_process = other\n",
        "# credential_process = kubectl-crossaccount credentials x\nregion = y\n",
    ] {
        let before = format!("[profile reader]\n{settings}[default]\n");
        assert_eq!(written(&before, false), Err(Obstacle::Foreign), "{settings}");
    }
    let before = "[profile reader]\nrole_arn = x\n\n[default]\n";
    assert_eq!(written(before, true), Ok(format!("{OURS}\n[default]\n")));
}

#[test]
fn a_file_with_two_sections_of_the_profile_is_left_alone() {
    assert_eq!(written(&format!("{EARLIER}[default]\n{EARLIER}"), true), Err(Obstacle::Several));
}

#[test]
fn the_default_profile_has_a_header_of_its_own() {
    let text = with_profile("", &profile("default"), false).unwrap();
    assert!(text.starts_with("[default]\n"), "{text}");
    assert_eq!(with_profile(&text, &profile("default"), false), Ok(text));
}

#[test]
fn without_a_region_the_section_names_none() {
    let text = with_profile("", &Profile { region: None, ..profile("reader") }, false).unwrap();
    assert_eq!(text, "[profile reader]\ncredential_process = kubectl-crossaccount credentials reader -n a\n");
}
