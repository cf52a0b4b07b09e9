# The state of OpenTofu or Terraform in a bucket of the other account: the S3 backend takes its credentials from the mounted
# Secret, as the AWS provider does in ../main.tf.
terraform {
  backend "s3" {
    bucket              = "reports"
    key                 = "state/reports.tfstate"
    region              = "eu-west-1"
    shared_config_files = ["/var/run/secrets/aws/config"]
    profile             = "default"
    allowed_account_ids = ["222222222222"]
  }
}

resource "terraform_data" "report" {
  input = "january.csv"
}
