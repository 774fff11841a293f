// Control: the port through which the admin server reads the state of a running daemon and gives it
// commands. Application implements it.
//
// All members may be called from any thread at any time and never block. What needs the pipeline
// thread is answered by a callback: called exactly once, on any thread, possibly before the call
// returns; it must not block. Answers come once the daemon reads events; kCancelled if it ends
// before. await_answer() waits with a timeout.
//
// Errors of all: kNotFound (no such table; the message lists those there are), kCancelled.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/types.h"
#include "core/pipeline/engine.h"
#include "daemon/application/status.h"
#include "daemon/application/status_history.h"
#include "daemon/application/version_shelf.h"
#include "daemon/config/config.h"

namespace remapd::application {

template <class T>
using Answer = std::function<void(Result<T>)>;

// One id, and the ids on its row.
struct IdReport {
  Version version;                           // adopted; kNoVersion before the first
  pipeline::IdStats id;                      // row kNoRow before the first version
  std::vector<pipeline::IdStats> row_mates;  // most frequent first, at most as many as asked for
};

class Control {
 public:
  virtual ~Control() = default;

  virtual std::shared_ptr<const Status> status() const = 0;
  // Of this process.
  virtual std::vector<HistoryPoint> history(HistorySpan span) const = 0;
  // Grows while the pipeline thread makes progress or waits for work.
  virtual std::uint64_t beats() const = 0;
  // What was built, and the newest versions themselves.
  virtual const VersionShelf& versions() const = 0;

  // Builds and publishes a version now, whatever the schedule says; answered with its number once
  // it is published. kConflict: the gates refused it (the message has their findings), or the table
  // is frozen or still catching up after a restart.
  virtual void publish_now(std::string_view table, Answer<Version> answer) = 0;
  // No version is built until unfreeze(); events are still learned from. Survives a restart where
  // checkpoints are kept. Doing either twice changes nothing.
  virtual void freeze(std::string_view table, Answer<void> answer) = 0;
  virtual void unfreeze(std::string_view table, Answer<void> answer) = 0;
  // Publishes an earlier version again under the next number, with a migration plan, and freezes
  // the table, so that the next build does not undo it. Answered with the new number once it is
  // published. kNotFound: `to` was never published, or it, its snapshot or a delta between was
  // removed. kConflict: it is the newest or was built for another row budget, or the table is still
  // catching up after a restart.
  virtual void roll_back(std::string_view table, Version to, Answer<Version> answer) = 0;

  virtual void lookup(std::string_view table, Id id, std::size_t row_mates,
                      Answer<IdReport> answer) = 0;
  // The most frequent tracked ids, or of those on such rows, most frequent first. O(tracked ids) on
  // the pipeline thread.
  virtual void heaviest(std::string_view table, std::size_t count, pipeline::RowRole role,
                        Answer<std::vector<pipeline::IdStats>> answer) = 0;
  // Likewise of one row.
  virtual void sharing_row(std::string_view table, Row row, std::size_t count,
                           Answer<std::vector<pipeline::IdStats>> answer) = 0;

  // Until the next reload of the configuration.
  virtual void set_log_level(config::LogLevel level) = 0;
};

// Makes a call and waits for its answer; kUnavailable (retryable) after `timeout`. The command may
// still be carried out.
//
//   auto version = await_answer<Version>(
//       [&](auto answer) { control.publish_now("item", std::move(answer)); }, 10s);
template <class T, class Call>
Result<T> await_answer(Call call, std::chrono::milliseconds timeout) {
  const auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  call(Answer<T>([promise](Result<T> result) { promise->set_value(std::move(result)); }));
  if (future.wait_for(timeout) != std::future_status::ready) {
    return fail(ErrorCode::kUnavailable,
                "no answer within " + std::to_string(timeout.count()) +
                    " ms: the daemon is busy; it may still do what was asked for",
                true);
  }
  return future.get();
}

}  // namespace remapd::application
