//! What the bundle says of itself.

use std::collections::BTreeMap;

/// Path of the page that explains the files.
pub const README: &str = "README.txt";

/// Path of the list of what could not be read.
pub const MISSING: &str = "MISSING.txt";

const TEXT: &str = "\
Files for a bug report about the CrossAccountRole operator, written by `kubectl crossaccount support-bundle`.

  README.txt            this page
  MISSING.txt           what could not be read, and which permission is missing
  versions.json         versions of the plugin and of the API server
  status.json           what `kubectl crossaccount status -o json` says
  explain/              what `kubectl crossaccount explain` says of each object, by namespace and name
  objects/              CrossAccountRoles, the AWSAccounts that they name, their Events, and what surrounds the Secrets
  operator/             the operator's Deployments, ReplicaSets, pods, leases, ServiceAccounts, Roles, RoleBindings, and all
                        Events of its namespace
  operator/logs/        logs of its containers by pod; `.previous` is from before the last restart. At most the last 10,000
                        lines and 5 MiB of each
  cluster/              CustomResourceDefinitions, ClusterRoles and admission policies of the operator

What was removed. It says [removed] there:

  * The data of Secrets was not read. `dataKeysByManager` names the keys, by who wrote them.
  * Values of environment variables, unless the variable is one of AWS's, of a proxy or of the operator that holds no secret.
  * Values of annotations, unless the annotation is the operator's own or says how something was installed. Managed fields
    are left out.
  * External ids, wherever they are.
  * Values of fields of Deployments, pods and others that are not known to hold nothing secret.
  * In texts and logs: what looks like an access key, a secret key, a session token, a password, a private key or another
    token. Of an access key id the last four characters stay. A line that quotes a signed request ends there.

What stays, because nobody could help without it: ids of AWS accounts, ARNs, names of namespaces, objects, pods, images and
nodes, addresses, labels, tags, policies, and command lines.

A secret that looks like an ordinary word is not recognized. Look through the files before you send them.
";

/// The texts of both pages.
#[must_use]
pub fn pages(missing: &[(String, String)]) -> BTreeMap<String, String> {
    let lines = missing.iter().map(|(file, reason)| format!("{file}: {reason}\n"));
    let list = if missing.is_empty() { "Everything was read.\n".to_owned() } else { lines.collect() };
    BTreeMap::from([(README.to_owned(), TEXT.to_owned()), (MISSING.to_owned(), list)])
}
