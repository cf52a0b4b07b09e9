use clap::Parser as _;

use crate::cli::args::{Args, Command};
use crate::cli::bootstrap::run;

const OPERATOR: &str = "arn:aws:iam::111111111111:role/crossaccount-operator";
const PROVIDER: &str = "arn:aws:iam::111111111111:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE";

/// What the plugin prints, or why it fails.
fn prints(words: &str) -> Result<String, String> {
    let line = words.split_whitespace();
    let args = Args::try_parse_from(["kubectl-crossaccount", "bootstrap"].into_iter().chain(line));
    let args = args.map_err(|error| error.to_string())?;
    let Command::Bootstrap(args) = args.command else { panic!("another command") };
    run(args).map(|outcome| outcome.text).map_err(|error| error.to_string())
}

fn target(flags: &str) -> Result<String, String> {
    prints(&format!("target --operator-arn {OPERATOR} --external-id 7d1f0a {flags}"))
}

fn source(grantees: &str, flags: &str) -> Result<String, String> {
    prints(&format!("source --operator-arn {OPERATOR} --external-id 7d1f0a {grantees} {flags}"))
}

#[test]
fn a_target_is_printed_as_recorded() {
    insta::assert_snapshot!("target_cloudformation", target("").unwrap());
    insta::assert_snapshot!("target_terraform", target("--format terraform").unwrap());
    insta::assert_snapshot!("target_cli", target("--format cli").unwrap());
    insta::assert_snapshot!("target_json", target("--format json --account-id 222222222222").unwrap());
    let other = "--cluster blue --allow-unbounded --manager-name blue --boundary-name edge --role-path /blue/";
    let other = format!("{other} --format json --account-id 222222222222");
    insta::assert_snapshot!("target_of_one_cluster_json", target(&other).unwrap());
}

#[test]
fn a_source_is_printed_as_recorded() {
    let grantees =
        "--grantee arn:aws:iam::333333333333:user/ci/deployer --grantee arn:aws:iam::333333333333:role/batch";
    insta::assert_snapshot!("source_cloudformation", source(grantees, "").unwrap());
    insta::assert_snapshot!("source_terraform", source(grantees, "--format terraform").unwrap());
    insta::assert_snapshot!("source_cli", source(grantees, "--format cli").unwrap());
}

#[test]
fn an_operator_is_printed_as_recorded() {
    let accounts = "operator --account 222222222222 --account 333333333333";
    let irsa = prints(&format!("{accounts} --oidc-provider-arn {PROVIDER}")).unwrap();
    insta::assert_snapshot!("operator_irsa_cloudformation", irsa);
    let pod = prints(&format!("{accounts} --pod-identity --format terraform")).unwrap();
    insta::assert_snapshot!("operator_pod_identity_terraform", pod);
    insta::assert_snapshot!("operator_user_cli", prints(&format!("{accounts} --user --format cli")).unwrap());
}

#[test]
fn flags_that_do_not_go_together_are_refused_with_a_way_out() {
    let grantee = "--grantee arn:aws:iam::333333333333:user/a";
    for (answer, words) in [
        (target("--format json"), "--account-id"),
        (prints("target --external-id 7d1f0a"), "--operator-arn"),
        (target("--role-path /"), "every role"),
        (source("", ""), "--grantee"),
        (source(grantee, "--grantee arn:aws:iam::444444444444:user/b"), "several accounts"),
        (source(grantee, "--account-id 444444444444"), "333333333333"),
        (source("--grantee arn:aws-cn:iam::333333333333:user/a", ""), "partition"),
        (source("--grantee arn:aws:iam::333333333333:role/crossaccount-manager", ""), "leave it out"),
        (source(&format!("--grantee {OPERATOR}"), ""), "leave it out"),
        (prints("operator --account 222222222222"), "--pod-identity"),
        (
            prints(&format!("operator --account 222222222222 --user --oidc-provider-arn {PROVIDER}")),
            "cannot be used with",
        ),
        (
            prints(&format!("operator --account 222222222222 --partition aws-cn --oidc-provider-arn {PROVIDER}")),
            "partition",
        ),
    ] {
        let error = answer.expect_err(words);
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn in_another_partition_every_arn_is_of_it() {
    let printed = prints(
        "target --operator-arn arn:aws-cn:iam::111111111111:user/operator --external-id 7d1f0a --format json \
         --account-id 222222222222",
    );
    let printed = printed.unwrap();
    assert!(
        printed.contains("arn:aws-cn:iam::222222222222:role/crossaccount/*") && !printed.contains("arn:aws:"),
        "{printed}"
    );
}
