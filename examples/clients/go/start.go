package main

import (
	"context"
	"encoding/json"
	"fmt"

	foliotv1 "example.com/client/gen/foliot/v1"
	"google.golang.org/grpc"
)

// start starts an instance for a parcel. With the same request a repeat starts no other one,
// whether the answer to the first was lost or not.
func start(ctx context.Context, conn *grpc.ClientConn, request, parcel string) error {
	input, err := json.Marshal(map[string]any{"parcel": parcel, "seconds": 4})
	if err != nil {
		return err
	}
	instances := foliotv1.NewInstanceServiceClient(conn)
	started, err := repeating(ctx, instances.StartInstance, &foliotv1.StartInstanceRequest{
		Definition: &foliotv1.StartInstanceRequest_DefinitionKey{DefinitionKey: "parcel"},
		Input:      &foliotv1.Json{Json: string(input)},
		RequestId:  request,
	})
	if err != nil {
		return err
	}
	fmt.Println(started.Instance.InstanceId)
	return nil
}
