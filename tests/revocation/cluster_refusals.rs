//! What the cluster refuses to the operator delays nothing in AWS, and is told as it is.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::{
    admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding},
    core::v1::Secret,
};
use kube::{
    Api,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use lab::{aws::policy, env::TestEnv, tester::Tester, wait::eventually};

/// What the admission policy answers.
pub const KEPT: &str = "the archive wants to see this first";

/// An admission policy that refuses something in the namespace of a test.
pub struct Ban {
    policies: Api<ValidatingAdmissionPolicy>,
    bindings: Api<ValidatingAdmissionPolicyBinding>,
    name: String,
}

impl Ban {
    async fn put(env: &TestEnv, group: &str, resource: &str, operation: &str) -> Result<Self> {
        let kube = &env.kube;
        let name = env.namespace.clone();
        let ban = Self { policies: Api::all(kube.clone()), bindings: Api::all(kube.clone()), name: name.clone() };
        let policy = json!({
            "metadata": {"name": name},
            "spec": {
                "matchConstraints": {"resourceRules": [{
                    "apiGroups": [group], "apiVersions": ["*"], "operations": [operation], "resources": [resource],
                }]},
                "validations": [{"expression": "false", "message": KEPT}],
            },
        });
        let here = json!({"matchLabels": {"kubernetes.io/metadata.name": name}});
        let binding = json!({
            "metadata": {"name": name},
            "spec": {
                "policyName": name, "validationActions": ["Deny"], "matchResources": {"namespaceSelector": here},
            },
        });
        ban.policies.create(&PostParams::default(), &serde_json::from_value(policy)?).await?;
        ban.bindings.create(&PostParams::default(), &serde_json::from_value(binding)?).await?;
        Ok(ban)
    }

    /// No Secret is made.
    pub async fn no_secret_is_created(env: &TestEnv) -> Result<Self> {
        let ban = Self::put(env, "", "secrets", "CREATE").await?;
        let metadata = ObjectMeta { name: Some("probe".into()), ..ObjectMeta::default() };
        let (probe, try_it) =
            (Secret { metadata, ..Secret::default() }, PostParams { dry_run: true, ..PostParams::default() });
        eventually("the ban is in force", async || {
            let answer = env.secrets.create(&try_it, &probe).await.err();
            ensure!(answer.is_some_and(|error| error.to_string().contains(KEPT)), "not yet");
            Ok(())
        })
        .await?;
        Ok(ban)
    }

    async fn no_secret_is_deleted(env: &TestEnv) -> Result<Self> {
        let metadata = ObjectMeta { name: Some("probe".into()), ..ObjectMeta::default() };
        env.secrets.create(&PostParams::default(), &Secret { metadata, ..Secret::default() }).await?;
        let ban = Self::put(env, "", "secrets", "DELETE").await?;
        let try_it = DeleteParams { dry_run: true, ..DeleteParams::default() };
        eventually("the ban is in force", async || {
            let answer = env.secrets.delete("probe", &try_it).await.err();
            ensure!(answer.is_some_and(|error| error.to_string().contains(KEPT)), "not yet");
            Ok(())
        })
        .await?;
        Ok(ban)
    }

    async fn no_status_is_written(env: &TestEnv, name: &str) -> Result<Self> {
        let ban = Self::put(env, "iam.crossaccount.dev", "crossaccountroles/status", "UPDATE").await?;
        let try_it = PatchParams { dry_run: true, ..PatchParams::default() };
        eventually("the ban is in force", async || {
            let patch = Patch::Merge(json!({"status": {"externalId": "probe"}}));
            let answer = env.roles.patch_status(name, &try_it, &patch).await.err();
            ensure!(answer.is_some_and(|error| error.to_string().contains(KEPT)), "not yet");
            Ok(())
        })
        .await?;
        Ok(ban)
    }

    /// Ends the ban.
    pub async fn remove(self) -> Result<()> {
        self.bindings.delete(&self.name, &DeleteParams::default()).await?;
        self.policies.delete(&self.name, &DeleteParams::default()).await?;
        Ok(())
    }
}

async fn secret_is_gone(env: &TestEnv) -> Result<()> {
    eventually("the Secret is gone", async || {
        ensure!(env.secrets.get_opt("reader").await?.is_none(), "it is there: {}", env.told("reader").await?);
        Ok(())
    })
    .await
}

async fn says_why(env: &TestEnv) -> Result<()> {
    eventually("the status tells the refusal", async || {
        let told = env.told("reader").await?;
        ensure!(told.contains(KEPT), "{told}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_secret_that_cannot_be_deleted_keeps_no_access_open() -> Result<()> {
    let env = TestEnv::new("undeletable").await?;
    let tester = Tester::new(&env).await?;
    let deployer = tester.user("deployer").await?;
    env.patch_account(json!({"guardrails": {"principals": ["*"]}})).await?;
    let _operator = env.start().await?;
    let mut role = tester.role("reader");
    role.spec.trust.principals = vec![deployer.arn.clone()];
    env.create(&role).await?;
    env.settled("reader").await?;
    let copy = env.copied("reader").await?;
    let session = tester.enters(&deployer, &copy.arn).await?.context("a trusted user is not let in")?;
    ensure!(tester.works(&copy).await? && tester.works(&session).await?, "what is declared does not work");

    let ban = Ban::no_secret_is_deleted(&env).await?;
    env.allow_nobody().await?;
    let ended = async {
        tester.is_denied("the published set", &copy).await?;
        tester.is_denied("the session of the trusted user", &session).await?;
        env.is_closed("reader").await?;
        env.shows("reader", "False", "NotAllowed").await?;
        says_why(&env).await
    };
    let ended = ended.await;
    ban.remove().await?;
    ended?;
    secret_is_gone(&env).await
}

#[tokio::test]
async fn a_secret_that_cannot_be_deleted_keeps_no_role_of_a_deleted_object() -> Result<()> {
    let env = TestEnv::new("unending").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let ban = Ban::no_secret_is_deleted(&env).await?;
    env.roles.delete("reader", &DeleteParams::default()).await?;
    let ended = async {
        eventually("the role is gone", async || {
            let role = env.aws.target.role(&env.iam_name("reader")).await?;
            ensure!(role.is_none(), "it is there: {}", env.told("reader").await?);
            Ok(())
        })
        .await?;
        says_why(&env).await
    };
    let ended = ended.await;
    ban.remove().await?;
    ended?;
    env.is_gone_with_its_role("reader").await
}

#[tokio::test]
async fn a_status_that_cannot_be_written_delays_no_repair_of_what_was_widened_in_aws() -> Result<()> {
    let env = TestEnv::new("unwritable").await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.settings.clone().flag("--drift-interval=2s").start().await?;
    env.create(&tester.role("reader")).await?;
    env.settled("reader").await?;
    let intruder = tester.user("intruder").await?;
    let ban = Ban::no_status_is_written(&env, "reader").await?;
    let open = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": intruder.arn}}));
    let arn = env.standing("reader").await?.0.arn;
    let iam = env.aws.target.iam();
    let widen = iam.update_assume_role_policy().role_name(env.iam_name("reader"));
    widen.policy_document(open.to_string()).send().await?;
    let ended = eventually("the intruder is kept out again", async || {
        ensure!(tester.enters(&intruder, &arn).await?.is_none(), "the role lets the intruder in");
        Ok(())
    })
    .await;
    ban.remove().await?;
    ended
}

/// Withdraws the permission and gives what the status says of the Secret once it tells of the withdrawal.
async fn after_withdrawal(env: &TestEnv) -> Result<String> {
    env.allow_nobody().await?;
    env.shows("reader", "False", "NotAllowed").await?;
    env.told("reader").await
}

#[tokio::test]
async fn a_secret_that_was_made_immutable_goes_with_the_permission() -> Result<()> {
    let env = TestEnv::new("immutable").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let freeze = Patch::Merge(json!({"immutable": true}));
    env.secrets.patch("reader", &PatchParams::default(), &freeze).await?;
    let told = after_withdrawal(&env).await?;
    let there = env.secrets.get_opt("reader").await?.is_some();
    ensure!(!(there && told.contains("Secret is gone")), "the Secret is there, and the status says: {told}");
    secret_is_gone(&env).await
}

#[tokio::test]
async fn a_secret_that_somebody_else_holds_back_is_not_called_gone() -> Result<()> {
    let env = TestEnv::new("held-back").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let hold = |finalizers: Value| Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
    env.secrets.patch("reader", &PatchParams::default(), &hold(json!(["example.com/backup"]))).await?;
    let told = after_withdrawal(&env).await;
    let there = env.secrets.get_opt("reader").await?.is_some();
    env.secrets.patch("reader", &PatchParams::default(), &hold(json!([]))).await?;
    let told = told?;
    ensure!(there, "the Secret went although somebody held it back");
    ensure!(!told.contains("Secret is gone"), "the Secret is there, and the status says: {told}");
    secret_is_gone(&env).await
}
