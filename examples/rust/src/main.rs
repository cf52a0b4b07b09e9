//! Reads an object of S3 every minute. The agent beside it in the pod serves the credentials.

use std::{env, error::Error, time::Duration};

use aws_config::BehaviorVersion;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (bucket, key) = (env::var("BUCKET")?, env::var("KEY")?);
    let s3 = aws_sdk_s3::Client::new(&aws_config::load_defaults(BehaviorVersion::latest()).await);
    loop {
        let object = s3.get_object().bucket(&bucket).key(&key).send().await?;
        let body = object.body.collect().await?.into_bytes();
        println!("read {} bytes", body.len());
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}
