package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	foliotv1 "example.com/client/gen/foliot/v1"
	"google.golang.org/grpc"
)

// deploy makes a definition of a file, under the key that the file is named after, and activates it.
func deploy(ctx context.Context, conn *grpc.ClientConn, path string) error {
	spec, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	definitions := foliotv1.NewDefinitionServiceClient(conn)
	digest := sha256.Sum256(spec)
	// The request's id follows from what is asked for, so that to deploy the same file twice
	// makes one version.
	created, err := repeating(ctx, definitions.CreateDefinition, &foliotv1.CreateDefinitionRequest{
		Key:       strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)),
		Spec:      &foliotv1.Json{Json: string(spec)},
		RequestId: "deploy-" + hex.EncodeToString(digest[:]),
	})
	if err != nil {
		return err
	}
	activated, err := repeating(ctx, definitions.ActivateDefinition, &foliotv1.ActivateDefinitionRequest{
		DefinitionId: created.Definition.DefinitionId,
	})
	if err != nil {
		return err
	}
	definition := activated.Definition
	fmt.Printf("definition %s version %d is active\n", definition.Key, definition.Version)
	return nil
}
