//! An account as `GetAccountAuthorizationDetails` describes it: one read for all that decides about a call.
//!
//! Nothing of it is kept for the next call: tests change IAM behind the proxy.

use serde_json::Value;

use super::{
    super::{
        upstream::{Upstream, UpstreamError},
        xml,
    },
    documents,
    evaluate::Caller,
    lookup,
    names::Kind,
};

/// The answer about one account.
pub(crate) struct Snapshot {
    account: String,
    answer: String,
}

impl Snapshot {
    /// Reads the account.
    pub(crate) async fn take(upstream: &Upstream, account: &str) -> Result<Self, UpstreamError> {
        let reply = upstream.as_root(account, "iam", &[("Action", "GetAccountAuthorizationDetails")]).await?;
        Ok(Self { account: account.to_owned(), answer: reply.text().to_owned() })
    }

    /// The 12 digits.
    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    /// The role, user or group of this exact name.
    pub(crate) fn entity(&self, kind: Kind, name: &str) -> Option<Entity<'_>> {
        let description = self.member(&format!("{kind}DetailList"), &format!("{kind}Name"), name)?;
        Some(Entity { kind, description })
    }

    /// The role of this ARN.
    pub(crate) fn by_arn(&self, arn: &str) -> Option<Entity<'_>> {
        let description = self.member("RoleDetailList", "Arn", arn)?;
        Some(Entity { kind: "Role", description })
    }

    /// The ARN of an instance profile that has a role.
    pub(crate) fn instance_profile(&self, name: &str) -> Option<&str> {
        let roles = xml::members(xml::element(&self.answer, "RoleDetailList")?);
        let lists = roles.into_iter().filter_map(|role| xml::element(role, "InstanceProfileList"));
        let mut profiles = lists.flat_map(xml::members);
        let profile = profiles.find(|profile| xml::element(profile, "InstanceProfileName") == Some(name))?;
        xml::element(profile, "Arn")
    }

    /// The default version of a policy that the account itself has.
    pub(crate) fn own_policy(&self, arn: &str) -> Option<Value> {
        let versions = xml::members(xml::element(self.member("Policies", "Arn", arn)?, "PolicyVersionList")?);
        let default = versions.into_iter().find(|version| xml::element(version, "IsDefaultVersion") == Some("true"))?;
        xml::element(default, "Document").map(documents::read)
    }

    /// What the ARN of a caller alone does not say: the unique id and the tags of its user or role, and the role's path.
    pub(crate) fn identify(&self, mut caller: Caller) -> (Caller, Vec<(String, String)>) {
        let (kind, name, session) = principal_of(&caller.arn);
        let Some(entity) = self.entity(kind, name) else { return (caller, Vec::new()) };
        let id = entity.id().to_owned();
        caller.user_id = session.map_or(id.clone(), |session| format!("{id}:{session}"));
        let session = session.is_some();
        entity.arn().clone_into(&mut caller.principal);
        if !session {
            entity.arn().clone_into(&mut caller.arn);
        }
        (caller, entity.tags())
    }

    fn member(&self, list: &str, key: &str, value: &str) -> Option<&str> {
        let members = xml::members(xml::element(&self.answer, list)?);
        members.into_iter().find(|member| xml::element(member, key) == Some(value))
    }
}

/// The kind and name of the user or role that acts, and the name of its session.
pub(crate) fn principal_of(arn: &str) -> (Kind, &str, Option<&str>) {
    match arn.split_once(":assumed-role/").and_then(|(_, path)| path.split_once('/')) {
        Some((role, session)) => ("Role", role, Some(session)),
        None => ("User", arn.rsplit('/').next().unwrap_or_default(), None),
    }
}

/// A role, user or group.
#[derive(Clone, Copy)]
pub(crate) struct Entity<'a> {
    kind: Kind,
    description: &'a str,
}

impl<'a> Entity<'a> {
    pub(crate) fn arn(&self) -> &'a str {
        self.field("Arn")
    }

    /// `AROA…`, `AIDA…` or `AGPA…`.
    pub(crate) fn id(&self) -> &'a str {
        self.field(&format!("{}Id", self.kind))
    }

    pub(crate) fn tags(&self) -> Vec<(String, String)> {
        // Its own come last: those of instance profiles before them.
        let own = self.description.rfind("<Tags>").map_or("", |at| &self.description[at..]);
        lookup::tags(own)
    }

    /// The documents of its inline policies.
    pub(crate) fn inline_policies(&self) -> Vec<Value> {
        let read = |policy| documents::read(xml::element(policy, "PolicyDocument").unwrap_or_default());
        self.members(&format!("{}PolicyList", self.kind)).into_iter().map(read).collect()
    }

    /// The ARNs of the managed policies attached to it.
    pub(crate) fn attached_policies(&self) -> Vec<&'a str> {
        let attached = self.members("AttachedManagedPolicies").into_iter();
        attached.filter_map(|policy| xml::element(policy, "PolicyArn")).collect()
    }

    /// The names of the groups that a user is in.
    pub(crate) fn groups(&self) -> Vec<&'a str> {
        self.members("GroupList")
    }

    fn field(&self, name: &str) -> &'a str {
        xml::element(self.description, name).unwrap_or_default()
    }

    fn members(&self, list: &str) -> Vec<&'a str> {
        xml::members(self.field(list))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// An account with one bounded role in an instance profile, one user in a group, and one policy.
    pub(crate) fn account() -> Snapshot {
        let tags = |value: &str| format!("<Tags><member><Key>team</Key><Value>{value}</Value></member></Tags>");
        let profile = format!(
            "<member><InstanceProfileName>hosts</InstanceProfileName>\
             <Arn>arn:aws:iam::222222222222:instance-profile/op/hosts</Arn>{}</member>",
            tags("of the profile")
        );
        let policy = "%7B%22Statement%22%3A%5B%5D%7D";
        let answer = format!(
            "<UserDetailList><member><UserName>anna</UserName><UserId>AIDA1</UserId>\
               <Arn>arn:aws:iam::222222222222:user/ops/anna</Arn><UserPolicyList></UserPolicyList>\
               <GroupList><member>staff</member></GroupList></member></UserDetailList>\
             <GroupDetailList></GroupDetailList>\
             <RoleDetailList><member><RoleName>reader</RoleName><RoleId>AROA1</RoleId>\
               <Arn>arn:aws:iam::222222222222:role/op/reader</Arn>\
               <RolePolicyList><member><PolicyName>p</PolicyName><PolicyDocument>{policy}</PolicyDocument></member>\
               </RolePolicyList><AttachedManagedPolicies><member><PolicyArn>arn:a</PolicyArn></member>\
               </AttachedManagedPolicies><InstanceProfileList>{profile}</InstanceProfileList>{}</member></RoleDetailList>\
             <Policies><member><Arn>arn:p</Arn><PolicyVersionList>\
               <member><Document>%7B%7D</Document><IsDefaultVersion>false</IsDefaultVersion></member>\
               <member><Document>{policy}</Document><IsDefaultVersion>true</IsDefaultVersion></member>\
               </PolicyVersionList></member></Policies>",
            tags("of the role"),
        );
        Snapshot { account: "222222222222".to_owned(), answer }
    }

    #[test]
    fn a_role_is_read_with_its_own_tags_and_policies() {
        let account = account();
        let role = account.entity("Role", "reader").unwrap();
        assert_eq!((role.id(), role.arn()), ("AROA1", "arn:aws:iam::222222222222:role/op/reader"));
        assert_eq!(role.tags(), [("team".to_owned(), "of the role".to_owned())]);
        assert_eq!((role.inline_policies(), role.attached_policies()), (vec![json!({"Statement": []})], vec!["arn:a"]));
        assert!(account.entity("User", "reader").is_none());
    }

    #[test]
    fn an_instance_profile_and_the_default_version_of_a_policy_are_found() {
        let account = account();
        assert_eq!(account.instance_profile("hosts"), Some("arn:aws:iam::222222222222:instance-profile/op/hosts"));
        assert_eq!(account.own_policy("arn:p"), Some(json!({"Statement": []})));
        assert_eq!(account.own_policy("arn:other"), None);
    }

    #[test]
    fn a_session_is_identified_by_its_role_and_a_user_by_itself() {
        let caller = |arn: &str| Caller { arn: arn.into(), ..Caller::default() };
        let (session, tags) = account().identify(caller("arn:aws:sts::222222222222:assumed-role/reader/me"));
        assert_eq!((session.user_id.as_str(), tags.len()), ("AROA1:me", 1));
        assert_eq!(session.principal, "arn:aws:iam::222222222222:role/op/reader");
        let (user, _) = account().identify(caller("arn:aws:iam::222222222222:user/anna"));
        assert_eq!((user.user_id.as_str(), user.arn.as_str()), ("AIDA1", "arn:aws:iam::222222222222:user/ops/anna"));
        assert_eq!(account().entity("User", "anna").unwrap().groups(), ["staff"]);
    }
}
