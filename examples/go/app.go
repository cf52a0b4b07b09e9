// Reads an object of S3 every minute. The agent beside it in the pod serves the credentials.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func main() {
	ctx := context.Background()
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	client := s3.NewFromConfig(settings)
	for {
		size, err := read(ctx, client, os.Getenv("BUCKET"), os.Getenv("KEY"))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("read", size, "bytes")
		time.Sleep(time.Minute)
	}
}

func read(ctx context.Context, client *s3.Client, bucket, key string) (int64, error) {
	object, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		return 0, err
	}
	defer object.Body.Close()
	return io.Copy(io.Discard, object.Body)
}
