#include "daemon/application/checkpointer.h"

#include <utility>

namespace remapd::application {

Checkpointer::Checkpointer(pipeline::CheckpointStore* store, pipeline::DeadLetterSink* dead_letters,
                           logging::Logger& log, const Clock& clock, Post post,
                           OnDurable on_durable)
    : store_(store),
      dead_letters_(dead_letters),
      log_(log),
      clock_(clock),
      post_(std::move(post)),
      on_durable_(std::move(on_durable)) {
  status_.enabled = store_ != nullptr;
}

Checkpointer::~Checkpointer() {
  stop();
}

Result<std::optional<pipeline::CheckpointHeader>> Checkpointer::restore(pipeline::Engine& engine) {
  if (store_ == nullptr) return std::nullopt;
  auto loaded = store_->load_latest();
  if (!loaded) return fail(std::move(loaded).error().with_context("checkpoint.dir"));
  for (const std::string& line : loaded->skipped) {
    log_.warning("damaged checkpoint skipped", {{"reason", line}});
  }
  if (!loaded->checkpoint) return std::nullopt;
  ByteReader in(*loaded->checkpoint);
  auto header = pipeline::read_checkpoint_header(in);
  if (!header) return fail(std::move(header).error().with_context("checkpoint.dir"));
  if (auto ok = engine.load(in); !ok) {
    return fail(std::move(ok).error().with_context(
        "the checkpoint in checkpoint.dir does not fit the configuration"));
  }
  status_.last_ms = header->saved_ms;
  status_.last_samples = header->samples;
  status_.last_bytes = loaded->checkpoint->size();
  return std::move(*header);
}

Result<bool> Checkpointer::take_over(const std::string& instance) {
  if (store_ == nullptr) return true;
  auto current = store_->take_over(instance);
  if (!current) return fail(std::move(current).error().with_context("checkpoint.dir"));
  return current;
}

void Checkpointer::start() {
  begun_ = clock_.now();
  if (store_ != nullptr) thread_ = std::thread([this] { run(); });
}

bool Checkpointer::due(std::chrono::milliseconds interval) const {
  return store_ != nullptr && !in_flight_ && (hurried_ || clock_.now() >= begun_ + interval);
}

void Checkpointer::save(const pipeline::CheckpointHeader& header, const pipeline::Engine& engine) {
  if (store_ == nullptr) return;
  begun_ = clock_.now();
  hurried_ = false;
  if (dead_letters_ != nullptr) {
    // What was put aside must be safe before reading goes on behind it.
    if (auto ok = dead_letters_->flush(); !ok) {
      note_failure(std::move(ok).error().with_context("dead letters"));
      return;
    }
  }
  std::vector<Bytes> checkpoint = pipeline::write_checkpoint(header, engine);
  status_.copy_seconds.add(std::chrono::duration<double>(clock_.now() - begun_).count());
  in_flight_ = true;
  orders_.push({std::move(checkpoint), header.offsets, header.samples});
}

void Checkpointer::run() {
  while (auto order = orders_.pop()) {
    const auto begin = clock_.now();
    const std::vector<ByteView> pieces(order->checkpoint.begin(), order->checkpoint.end());
    const auto saved = store_->save(pieces);
    Report report;
    if (!saved) report.error = saved.error();
    report.offsets = std::move(order->offsets);
    report.samples = order->samples;
    for (const ByteView piece : pieces) report.bytes += piece.size();
    report.seconds = std::chrono::duration<double>(clock_.now() - begin).count();
    post_([this, report = std::move(report)] { on_report(report); });
  }
}

void Checkpointer::on_report(const Report& report) {
  in_flight_ = false;
  if (report.error) {
    note_failure(*report.error);
    if (report.error->code == ErrorCode::kConflict) {
      superseded_ = Error(*report.error).with_context("checkpoint.dir");
    }
    return;
  }
  ++status_.saved;
  status_.problem.clear();
  status_.last_ms = unix_ms(clock_.wall_time());
  status_.last_bytes = report.bytes;
  status_.last_samples = report.samples;
  status_.seconds.add(report.seconds);
  log_.debug("checkpoint saved",
             {{"samples", report.samples}, {"bytes", report.bytes}, {"seconds", report.seconds}});
  on_durable_(report.offsets);
}

void Checkpointer::note_failure(const Error& error) {
  ++status_.failed;
  status_.problem = error.message;
  log_.error("checkpoint failed", {{"error", error.message}});
}

void Checkpointer::stop() {
  orders_.close();
  if (thread_.joinable()) thread_.join();
}

}  // namespace remapd::application
