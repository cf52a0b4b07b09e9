# Terraform in a pod: the AWS provider takes its credentials from the mounted Secret. Each plan is a new process, so it
# always has the latest set.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region              = "eu-west-1"
  shared_config_files = ["/var/run/secrets/aws/config"]
  profile             = "default"
  allowed_account_ids = ["222222222222"]
}

data "aws_s3_object" "report" {
  bucket = "reports"
  key    = "january.csv"
}
