// Client shows foliot from Go: a verb a file, and errors.go for what all of them need.
//
//	client deploy <file>             make a definition of a file, and activate it
//	client start <request> <parcel>  start an instance
//	client watch <instance>          print its history, to its end
//	client approve <instance>        complete what a person is asked to do
//	client work                      carry out tasks, until told to stop
//
// ADDRESS says where foliot is. KEY is a key of a tenant, for work one of an executor.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, explain(err))
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	conn, err := grpc.NewClient(
		os.Getenv("ADDRESS"),
		grpc.WithTransportCredentials(insecure.NewCredentials()), // with TLS: credentials.NewTLS
		grpc.WithPerRPCCredentials(bearer(os.Getenv("KEY"))),
	)
	if err != nil {
		return err
	}
	defer conn.Close()
	args = append(args, "", "", "")
	switch args[0] {
	case "deploy":
		return deploy(ctx, conn, args[1])
	case "start":
		return start(ctx, conn, args[1], args[2])
	case "watch":
		return watch(ctx, conn, args[1])
	case "approve":
		return approve(ctx, conn, args[1])
	case "work":
		return work(ctx, conn)
	}
	return errors.New("say one of: deploy, start, watch, approve, work")
}

// bearer is a key as every call carries it.
type bearer string

func (key bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(key)}, nil
}

// RequireTransportSecurity is true once the connection is by TLS: a key is worth stealing.
func (bearer) RequireTransportSecurity() bool { return false }
