package main

import (
	"context"
	"fmt"

	foliotv1 "example.com/client/gen/foliot/v1"
	"google.golang.org/grpc"
)

// approve completes the human task that an instance waits for.
func approve(ctx context.Context, conn *grpc.ClientConn, instanceID string) error {
	tasks := foliotv1.NewTaskServiceClient(conn)
	listed, err := repeating(ctx, tasks.ListTasks, &foliotv1.ListTasksRequest{
		Filter: fmt.Sprintf("instance_id = %q AND type = HUMAN", instanceID),
	})
	if err != nil {
		return err
	}
	for _, task := range listed.Tasks {
		if task.CompleteTime != nil {
			continue
		}
		completed, err := repeating(ctx, tasks.CompleteTask, &foliotv1.CompleteTaskRequest{
			TaskId:    task.TaskId,
			Output:    &foliotv1.Json{Json: `{"by": "ada"}`},
			RequestId: "approve-" + task.TaskId,
		})
		if err != nil {
			return err
		}
		fmt.Println("completed", completed.Task.Name)
		return nil
	}
	return fmt.Errorf("instance %s waits for nobody", instanceID)
}
