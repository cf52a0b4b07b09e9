//! Clients for AWS: as the base identity, as the manager of an account, as a session just issued.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_sdk_iam::config::{Credentials as SdkCredentials, IdentityCache, SharedCredentialsProvider};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex as AsyncMutex, Notify};

use super::call::CallRecorder;
use super::clock::AwsClock;
use super::http::http_client;
use super::iam::IamClient;
use super::limits::{AccountLimits, limited};
use super::role_chain::{ChainFailure, walk};
use super::sts::StsClient;
use super::{base_identity, config};
use crate::domain::{AccountAccess, AccountId, AwsFailure, BaseIdentity, CallerIdentity, Credentials, Region};
use crate::host::metrics::Metrics;
use crate::host::trust::BundleError;

/// A manager session is replaced when less than this is left of it, so that no reconcile outlives it.
const MANAGER_MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// A client of one service of the SDK, whose builders share no trait: for an account, and as a session if one is given.
macro_rules! client {
    ($sdk:ident, $service:ident, $clients:expr, $access:expr, $session:expr) => {{
        let mut builder = $sdk::config::Builder::from(&$clients.sdk()).interceptor($clients.clock.clone());
        if let Some(AccountAccess { id, region, .. }) = $access {
            let limits = $clients.limits(id);
            builder = builder
                .retry_partition(limits.retries())
                .timeout_config(config::limited_timeouts())
                .region(sdk_region(region));
            if let Some(client) = $clients.sdk().http_client() {
                builder = builder.http_client(limited(client, Arc::clone(&limits.$service)));
            }
        }
        if let Some(session) = $session {
            builder = builder.credentials_provider(provider(session)).identity_cache(IdentityCache::no_cache());
        }
        $sdk::Client::from_conf(builder.build())
    }};
}

/// Hands out clients. One per process: it holds the connection pool, the manager sessions and the limits of each account.
pub struct AwsClients {
    sdk: Mutex<SdkConfig>,
    /// Woken when AWS does not accept the operator's own identity in a call for an account.
    refused: Arc<Notify>,
    clock: AwsClock,
    metrics: Metrics,
    principal_arn: Option<String>,
    accounts: Mutex<HashMap<AccountAccess, Arc<Account>>>,
    limits: Mutex<HashMap<AccountId, Arc<AccountLimits>>>,
}

/// The clients of one account.
struct Account {
    /// STS as the base identity.
    sts: StsClient,
    manager: AsyncMutex<Option<Manager>>,
}

/// The identity at the end of an account's chain of roles, and its client.
struct Manager {
    /// None where there is no chain: the operator's own identity is the manager.
    session: Option<Credentials>,
    iam: IamClient,
}

impl Manager {
    fn is_fresh(&self) -> bool {
        self.session.as_ref().is_none_or(|held| Timestamp::now() + MANAGER_MARGIN < held.expires_at)
    }
}

impl AwsClients {
    /// Loads the SDK's configuration; makes no call. `principal_arn` overrides the look-up of the operator's principal.
    pub async fn load(metrics: Metrics, principal_arn: Option<String>) -> Result<Self, BundleError> {
        Ok(Self::with_config(config::load(http_client()?).await, metrics, principal_arn))
    }

    /// The same for a configuration that was made elsewhere.
    #[must_use]
    pub fn with_config(sdk: SdkConfig, metrics: Metrics, principal_arn: Option<String>) -> Self {
        let (accounts, limits) = <(Mutex<HashMap<_, _>>, Mutex<HashMap<_, _>>)>::default();
        let (sdk, refused) = (Mutex::new(sdk), Arc::default());
        Self { sdk, refused, clock: AwsClock::default(), metrics, principal_arn, accounts, limits }
    }

    /// The time on AWS's clock as well as it is known, and never earlier than that clock shows; our own time before the
    /// first answer.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.at(Timestamp::now())
    }

    /// Asks AWS who the operator is. `known` is the last answer.
    ///
    /// The SDK reads variables and files once. If AWS refuses the key, or there is none, all of them are read again: a key in
    /// a file may have been rotated.
    pub async fn base_identity(&self, known: Option<&BaseIdentity>) -> Result<BaseIdentity, AwsFailure> {
        match self.look_up(known).await {
            Err(failure) if failure.kind.is_of_identity() && self.reload().await => self.look_up(known).await,
            answer => answer,
        }
    }

    async fn look_up(&self, known: Option<&BaseIdentity>) -> Result<BaseIdentity, AwsFailure> {
        let (sts, iam) = (self.sts_client(None, None), self.iam_client(None, None));
        base_identity::look_up(&sts, &iam, self.principal_arn.as_deref(), known).await
    }

    async fn reload(&self) -> bool {
        let Some(http) = self.sdk().http_client() else { return false };
        let loaded = config::load(http).await;
        *lock(&self.sdk) = loaded;
        lock(&self.accounts).clear(); // their clients hold the old key
        true
    }

    /// Waits until AWS refuses the operator's own identity in a call for an account.
    pub async fn base_identity_refused(&self) {
        self.refused.notified().await;
    }

    /// STS and IAM as the process's own identity, in its own account.
    #[must_use]
    pub fn own(&self) -> (StsClient, IamClient) {
        (self.sts_client(None, None), self.iam_client(None, None))
    }

    fn sdk(&self) -> SdkConfig {
        lock(&self.sdk).clone()
    }

    /// STS as the base identity, for assuming roles of the account at the endpoint of its region.
    #[must_use]
    pub fn sts(&self, access: &AccountAccess) -> StsClient {
        self.account(access).sts.clone()
    }

    /// STS as a session just issued, to ask who it is.
    #[must_use]
    pub fn sts_as(&self, credentials: &Credentials, access: &AccountAccess) -> StsClient {
        self.sts_client(Some(access), Some(credentials))
    }

    /// IAM as the manager of an account. All callers share the manager's session; one renews it while the others wait.
    pub async fn assume_manager(&self, access: &AccountAccess) -> Result<IamClient, ChainFailure> {
        self.manager(access, |manager| manager.iam.clone()).await
    }

    /// The identity at the end of an account's chain. A session that AWS no longer accepts is replaced once: the role
    /// behind it may have been deleted and created again.
    pub async fn manager_identity(&self, access: &AccountAccess) -> Result<CallerIdentity, ChainFailure> {
        match self.ask_manager(access).await {
            Err(failure) if failure.is_of_session() => self.ask_manager(access).await,
            other => other,
        }
    }

    async fn ask_manager(&self, access: &AccountAccess) -> Result<CallerIdentity, ChainFailure> {
        let sts = self.manager(access, |manager| self.sts_client(Some(access), manager.session.as_ref())).await?;
        sts.caller_identity().await.map_err(|failure| {
            self.forget_if_stale(access, &failure);
            ChainFailure::at_the_end(access, failure)
        })
    }

    /// Drops the manager's session if AWS no longer accepts it, so that the next call assumes a new one.
    pub fn forget_if_stale(&self, access: &AccountAccess, failure: &AwsFailure) {
        if failure.kind.is_of_identity() {
            lock(&self.accounts).remove(access);
        }
    }

    async fn manager<T>(&self, access: &AccountAccess, of: impl FnOnce(&Manager) -> T) -> Result<T, ChainFailure> {
        let account = self.account(access);
        let mut held = account.manager.lock().await;
        if let Some(manager) = held.as_ref().filter(|manager| manager.is_fresh()) {
            return Ok(of(manager));
        }
        let session = walk(access, account.sts.clone(), |held| self.sts_as(held, access)).await?;
        let iam = self.iam_client(Some(access), session.as_ref());
        Ok(of(held.insert(Manager { session, iam })))
    }

    fn account(&self, access: &AccountAccess) -> Arc<Account> {
        let mut accounts = lock(&self.accounts);
        if let Some(known) = accounts.get(access) {
            return Arc::clone(known);
        }
        accounts.retain(|known, _| known.name != access.name); // the account was edited
        let new = Account { sts: self.sts_client(Some(access), None), manager: AsyncMutex::default() };
        Arc::clone(accounts.entry(access.clone()).or_insert_with(|| Arc::new(new)))
    }

    fn sts_client(&self, access: Option<&AccountAccess>, who: Option<&Credentials>) -> StsClient {
        let client = client!(aws_sdk_sts, sts, self, access, who);
        StsClient { client, caller: self.caller("sts", access, who), clock: self.clock.clone() }
    }

    /// IAM is one per partition; the account's region names the partition to the SDK.
    fn iam_client(&self, access: Option<&AccountAccess>, who: Option<&Credentials>) -> IamClient {
        IamClient { client: client!(aws_sdk_iam, iam, self, access, who), caller: self.caller("iam", access, who) }
    }

    fn caller(&self, service: &'static str, access: Option<&AccountAccess>, who: Option<&Credentials>) -> CallRecorder {
        let account = access.map(|access| access.name.clone()).unwrap_or_default();
        // Without an account it is the question that a refusal leads to.
        let refused = (access.is_some() && who.is_none()).then(|| Arc::clone(&self.refused));
        let account_id = access.map(|access| access.id.clone());
        CallRecorder { service, account, account_id, metrics: self.metrics.clone(), refused }
    }

    /// The limits of an account. Nothing that happens in one account slows down another.
    fn limits(&self, account: &AccountId) -> Arc<AccountLimits> {
        let mut limits = lock(&self.limits);
        Arc::clone(limits.entry(account.clone()).or_insert_with(|| Arc::new(AccountLimits::new(account))))
    }
}

fn sdk_region(region: &Region) -> aws_config::Region {
    aws_config::Region::new(region.as_str().to_owned())
}

fn provider(credentials: &Credentials) -> SharedCredentialsProvider {
    let Credentials { access_key_id, secret_access_key, session_token, expires_at } = credentials;
    SharedCredentialsProvider::new(SdkCredentials::new(
        access_key_id.expose(),
        secret_access_key.expose(),
        Some(session_token.expose().to_owned()),
        Some(SystemTime::from(*expires_at)),
        "crossaccount",
    ))
}

/// A panic while one of these maps is locked leaves it whole: every change is a single insert or remove.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
