package example;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import foliot.executor.v1.ClaimedTask;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What the tasks of the queue "carrier" call. */
final class Functions {
  private static final Gson GSON = new Gson();

  private Functions() {}

  private record Booking(String parcel, int seconds) {}

  /** Calls the function that a task names; returns its output, as JSON. */
  static String call(ClaimedTask task) throws IOException, InterruptedException, TaskFailed {
    if (!task.getFunction().equals("book")) {
      // What is claimed depends on queue and type only: a queue for each kind of worker.
      throw new TaskFailed("function.unknown", "no function " + task.getFunction(), false);
    }
    Booking input = GSON.fromJson(task.getInput().getJson(), Booking.class);
    var output = new JsonObject();
    output.addProperty("booking", book(input, task.getIdempotencyKey()));
    return output.toString();
  }

  /**
   * Books a carrier. CARRIER, a directory, stands for the carrier's system: like any that can be
   * called safely it knows a repeat by its key, and answers it as it did the first time.
   */
  private static String book(Booking input, String key) throws IOException, InterruptedException {
    try {
      Files.createFile(Path.of(System.getenv("CARRIER"), key));
      System.out.println("booked: " + input.parcel());
    } catch (FileAlreadyExistsException repeat) {
      System.out.println("was booked before: " + input.parcel());
    }
    Thread.sleep(input.seconds() * 1_000L); // it takes its time to confirm
    return "B-" + key.substring(0, 8);
  }
}
