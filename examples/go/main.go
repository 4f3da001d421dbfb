// May the demo's reader read that experiment? Whatever goes wrong, the answer is no.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	decisionv1 "example.com/first-check/gen/portcullis/decision/v1"
	eventsv1 "example.com/first-check/gen/portcullis/events/v1"
)

func main() {
	// Beyond this machine: credentials.NewClientTLSFromFile, or the token could be read on the way.
	connection, err := grpc.NewClient(
		os.Getenv("PORTCULLIS_DECISION_ADDRESS"),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
	)
	if err != nil {
		fmt.Println("denied, because", err)
		os.Exit(1)
	}
	defer connection.Close()

	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+os.Getenv("PORTCULLIS_SERVICE_TOKEN"))
	answer, err := decisionv1.NewDecisionClient(connection).Check(ctx, &decisionv1.CheckRequest{
		OrgId:      os.Getenv("PORTCULLIS_ORG_ID"),
		Who:        &decisionv1.CheckRequest_PrincipalId{PrincipalId: os.Getenv("PORTCULLIS_DEMO_READER_ID")},
		Permission: "read",
		What: &decisionv1.CheckRequest_Object{
			Object: &eventsv1.ObjectRef{Type: "experiment", Id: os.Getenv("PORTCULLIS_DEMO_EXPERIMENT_ID")},
		},
	})
	switch {
	case err != nil:
		fmt.Println("denied, because", err)
	case answer.GetAllowed():
		fmt.Println("allowed")
	default:
		fmt.Println("denied")
	}
}
