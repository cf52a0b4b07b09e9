//! The logs of pods: of each container the present one, and that of the container before it where it restarted.

use futures::{AsyncRead, AsyncReadExt as _, StreamExt as _, stream};
use kube::api::LogParams;
use serde_json::Value;

use super::listed::reason;
use crate::cli::cluster::Cluster;
use crate::cli::support_bundle::part::{Content, Part};

/// Lines of a log, the latest.
const LINES: i64 = 10_000;

/// Bytes of a log: 5 MiB, the latest. The limit of the API server would leave the latest out.
const BYTES: usize = 5 * 1024 * 1024;

/// Logs that are read at a time.
const AT_A_TIME: usize = 4;

/// A log of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Log {
    pod: String,
    container: String,
    previous: bool,
}

impl Log {
    fn file(&self) -> String {
        let Self { pod, container, previous } = self;
        format!("operator/logs/{pod}/{container}{}.log", if *previous { ".previous" } else { "" })
    }
}

/// The logs of these pods.
pub async fn parts(cluster: &Cluster, namespace: &str, pods: &[Value]) -> Vec<Part> {
    let logs = stream::iter(pods.iter().flat_map(logs)).map(|log| part(cluster, namespace, log));
    logs.buffered(AT_A_TIME).collect().await
}

/// The logs that a pod has.
fn logs(pod: &Value) -> Vec<Log> {
    let statuses = ["initContainerStatuses", "containerStatuses"].map(|list| pod["status"][list].as_array());
    let statuses = statuses.into_iter().flatten().flatten();
    let of = |status: &Value| {
        let log = |previous| Log {
            pod: pod["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            container: status["name"].as_str().unwrap_or_default().to_owned(),
            previous,
        };
        let restarted = status["restartCount"].as_u64().is_some_and(|count| count > 0);
        [Some(log(false)), restarted.then(|| log(true))].into_iter().flatten().collect::<Vec<_>>()
    };
    statuses.flat_map(of).collect()
}

async fn part(cluster: &Cluster, namespace: &str, log: Log) -> Part {
    let file = log.file();
    let params = LogParams {
        container: Some(log.container),
        previous: log.previous,
        tail_lines: Some(LINES),
        timestamps: true,
        ..LogParams::default()
    };
    match cluster.log(namespace, &log.pod, &params).await {
        Ok(stream) => Part::new(file, Content::Text(latest(stream, BYTES).await)),
        Err(error) => Part::missing(file, reason(&error)),
    }
}

/// The last bytes of a stream, from the beginning of a line on. Says what is left out, and where the stream broke off.
async fn latest(stream: impl AsyncRead, limit: usize) -> String {
    let mut stream = std::pin::pin!(stream);
    let (mut kept, mut buffer, mut cut) = (Vec::new(), vec![0; 64 * 1024], false);
    let end = loop {
        match stream.read(&mut buffer).await {
            Ok(0) => break String::new(),
            Ok(count) => kept.extend_from_slice(&buffer[..count]),
            Err(error) => break format!("\n[the log broke off here: {error}]\n"),
        }
        // Twice as much, so that bytes are moved rarely.
        if kept.len() > 2 * limit {
            kept.drain(..kept.len() - limit);
            cut = true;
        }
    };
    if kept.len() > limit {
        kept.drain(..kept.len() - limit);
        cut = true;
    }
    let mut begin = String::new();
    if cut {
        let line = kept.iter().position(|byte| *byte == b'\n').map_or(kept.len(), |end| end + 1);
        kept.drain(..line);
        begin = format!("[earlier lines are left out; the file has the last {limit} bytes]\n");
    }
    begin + &String::from_utf8_lossy(&kept) + &end
}

#[cfg(test)]
mod tests {
    use std::io;

    use futures::{TryStreamExt as _, stream};
    use serde_json::json;

    use super::*;

    async fn latest_of(chunks: Vec<io::Result<&'static str>>, limit: usize) -> String {
        latest(stream::iter(chunks).into_async_read(), limit).await
    }

    #[tokio::test]
    async fn the_latest_whole_lines_are_kept_and_what_is_left_out_is_said() {
        assert_eq!(latest_of(vec![Ok("one\ntwo\n")], 100).await, "one\ntwo\n");
        let cut = "[earlier lines are left out; the file has the last 10 bytes]\n";
        assert_eq!(latest_of(vec![Ok("one\ntwo\nthree\n")], 10).await, format!("{cut}three\n"));
        let many = (0..50).map(|_| Ok("123456789\n")).chain([Ok("last\n")]).collect();
        assert_eq!(latest_of(many, 10).await, format!("{cut}last\n"));
    }

    #[tokio::test]
    async fn a_log_that_breaks_off_keeps_what_came() {
        let chunks = vec![Ok("one\n"), Err(io::Error::other("reset"))];
        assert_eq!(latest_of(chunks, 100).await, "one\n\n[the log broke off here: reset]\n");
    }

    #[test]
    fn a_container_that_restarted_has_a_log_from_before() {
        let pod = json!({"metadata": {"name": "a"}, "status": {
            "initContainerStatuses": [{"name": "init", "restartCount": 0}],
            "containerStatuses": [{"name": "operator", "restartCount": 2}],
        }});
        let files: Vec<String> = logs(&pod).iter().map(Log::file).collect();
        let expected =
            ["init.log", "operator.log", "operator.previous.log"].map(|name| format!("operator/logs/a/{name}"));
        assert_eq!(files, expected);
    }
}
