// Application: the running daemon without its HTTP: engine, and pipeline with its builder and
// checkpointer threads, made from a Config.
//
//   auto engine_config = config.engine_config();
//   auto ports = open_ports(config, pipeline::FeatureSchema(engine_config->features), log, clock);
//   auto app = Application::create(config, std::move(*ports), log, clock);
//   (*app)->start();  ...  (*app)->request_stop();  Result<void> end = (*app)->join();
//
// The admin server uses it as a Control; it is started before start() and stopped after join(), so
// that start and stop can be watched.
//
// All members may be called from any thread; start() and join() from one. Creating one makes the
// process ignore SIGXFSZ: a file size limit is then an error of the write that meets it, which is
// retried, and not the end of the daemon.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "daemon/application/control.h"
#include "daemon/application/ports.h"
#include "daemon/application/status.h"
#include "daemon/application/status_board.h"
#include "daemon/config/config.h"
#include "daemon/logging/logger.h"

namespace remapd::application {

class Application final : public Control {
 public:
  // `log` and `clock` must outlive it. kConfig; kResource when the tables do not fit into memory.
  static Result<std::unique_ptr<Application>> create(const config::Config& config, Ports ports,
                                                     logging::Logger& log, const Clock& clock);
  ~Application() override;  // request_stop() and join()

  void start();
  // Reads no more, finishes or gives up what is in flight, takes a last checkpoint, ends.
  void request_stop();
  // Stops without waiting for publications in flight; the last checkpoint is still taken.
  void hurry();
  // Waits for the end; the error that brought it about, if one did. At once if never started.
  Result<void> join();
  // It has ended by itself or was stopped: join() will not block.
  bool finished() const;

  // Applies what can be changed while running (config_schema.h: Reload::kLive).
  void apply(const config::Config& config);

  std::shared_ptr<const Status> status() const override { return board_.read(); }
  std::vector<HistoryPoint> history(HistorySpan span) const override {
    return board_.history(span);
  }
  std::uint64_t beats() const override;
  const VersionShelf& versions() const override;
  void publish_now(std::string_view table, Answer<Version> answer) override;
  void freeze(std::string_view table, Answer<void> answer) override;
  void unfreeze(std::string_view table, Answer<void> answer) override;
  void roll_back(std::string_view table, Version to, Answer<Version> answer) override;
  void lookup(std::string_view table, Id id, std::size_t row_mates,
              Answer<IdReport> answer) override;
  void heaviest(std::string_view table, std::size_t count, pipeline::RowRole role,
                Answer<std::vector<pipeline::IdStats>> answer) override;
  void sharing_row(std::string_view table, Row row, std::size_t count,
                   Answer<std::vector<pipeline::IdStats>> answer) override;
  void set_log_level(config::LogLevel level) override;

 private:
  class Parts;
  Application();

  StatusBoard board_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace remapd::application
