#include "daemon/application/checkpointer.h"

#include <utility>

namespace remapd::daemon {

Checkpointer::Checkpointer(pipeline::CheckpointStore& store, const Clock& clock, OnReport on_report)
    : store_(store), clock_(clock), on_report_(std::move(on_report)) {}

Checkpointer::~Checkpointer() {
  request_stop();
  join();
}

void Checkpointer::start() {
  thread_ = std::thread([this] { run(); });
}

void Checkpointer::submit(Bytes checkpoint, pipeline::StreamOffsets offsets,
                          std::uint64_t samples) {
  orders_.push({std::move(checkpoint), std::move(offsets), samples});
}

void Checkpointer::request_stop() {
  orders_.close();
}

void Checkpointer::join() {
  if (thread_.joinable()) thread_.join();
}

void Checkpointer::run() {
  while (auto order = orders_.pop()) {
    const auto begin = clock_.now();
    const auto saved = store_.save(order->checkpoint);
    CheckpointReport report;
    if (!saved) report.error = saved.error();
    report.offsets = std::move(order->offsets);
    report.samples = order->samples;
    report.bytes = order->checkpoint.size();
    report.seconds = std::chrono::duration<double>(clock_.now() - begin).count();
    on_report_(std::move(report));
  }
}

}  // namespace remapd::daemon
