#include "examples/click_trainer/training.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "core/pipeline/batch_cursor.h"
#include "examples/click_trainer/contender.h"
#include "examples/click_trainer/frequency_mapper.h"

namespace remapd::click_trainer {
namespace {

using namespace std::chrono_literals;

constexpr double kWarmUpShare = 0.2;
constexpr std::size_t kPieceSamples = 1024;
constexpr auto kPollTimeout = 100ms;

class Training {
 public:
  Training(pipeline::EventSource& source, RemapdTables& remapd, const TrainingOptions& options,
           std::unique_ptr<FrequencyMapper> frequency_mapper, Progress& progress)
      : source_(source),
        remapd_(remapd),
        options_(options),
        tables_(options.tables),
        frequency_mapper_(std::move(frequency_mapper)),
        progress_(progress),
        warm_up_(static_cast<std::uint64_t>(kWarmUpShare * static_cast<double>(options.samples))),
        own_(tables_.size()),
        own_rows_(tables_.size()),
        placed_rows_(tables_.size()),
        rows_(tables_.size()) {
    std::vector<std::uint32_t> budgets;
    for (const Table& table : tables_) budgets.push_back(table.shared() ? table.rows : 1);
    const std::vector<std::uint32_t> one(tables_.size(), 1);
    for (const char* name : {"full", "hash", "frequency", "remapd"}) {
      contenders_.emplace_back(name, contenders_.empty() ? one : budgets, options.seed);
    }
    for (const Table& table : tables_) {
      hash_.push_back(mapping::initial_fallback(std::max(table.rows, 1U), options.seed));
    }
  }

  Result<TrainingResult> run() {
    const auto start = std::chrono::steady_clock::now();
    while (position_ < options_.samples) {
      if (cursor_.remaining() == 0) {
        if (auto ok = read(); !ok) return fail(std::move(ok).error());
      }
      if (auto ok = swap(); !ok) return fail(std::move(ok).error());
      const std::uint64_t count =
          std::min({std::uint64_t{cursor_.remaining()}, std::uint64_t{kPieceSamples},
                    remapd_.next_stop() - position_, options_.samples - position_});
      learn(cursor_.take(count));
      position_ += count;
      progress_.show([&] { return describe(); });
    }
    if (options_.await_last) {
      if (auto ok = remapd_.finish(position_, remapd().model()); !ok) {
        return fail(std::move(ok).error());
      }
    }
    progress_.clear();
    return result(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }

 private:
  Contender& full() { return contenders_[0]; }
  Contender& hash() { return contenders_[1]; }
  Contender& frequency() { return contenders_[2]; }
  Contender& remapd() { return contenders_[3]; }

  Result<void> read() {
    const auto deadline = std::chrono::steady_clock::now() + options_.patience;
    for (;;) {
      const auto polled = source_.poll(cursor_.refill(), kPollTimeout);
      if (!polled && !polled.error().retryable) return fail(polled.error());
      if (polled && *polled == pipeline::PollOutcome::kBatch) {
        cursor_.filled();
        if (cursor_.remaining() > 0) return {};
      }
      const bool ended = polled && *polled == pipeline::PollOutcome::kEnd;
      if (!ended && std::chrono::steady_clock::now() < deadline) continue;
      return fail(ErrorCode::kUnavailable,
                  fmt::format("the stream {} after {} samples; {} were announced (--samples){}",
                              ended ? "ended" : "has paused", position_, options_.samples,
                              polled ? "" : ": " + polled.error().message));
    }
  }

  // Between two samples. The baseline is remapped whenever remapd is.
  Result<void> swap() {
    const auto swapped = remapd_.advance(position_, remapd().model());
    if (!swapped) return fail(swapped.error());
    for (const FeatureIndex feature : *swapped) {
      frequency_mapper_->publish(feature, frequency().model());
    }
    return {};
  }

  void learn(const pipeline::EventBatch& piece) {
    const std::size_t counted_from =
        warm_up_ > position_ ? static_cast<std::size_t>(warm_up_ - position_) : 0;
    labels_.assign(piece.labels().begin(), piece.labels().end());
    labels_.resize(piece.samples(), std::numeric_limits<float>::quiet_NaN());

    for (std::uint32_t f = 0; f < tables_.size(); ++f) {
      own_[f].place(piece.values(FeatureIndex{f}), first_);
      own_rows_[f].set(piece.lengths(FeatureIndex{f}), first_);
      for (Contender& contender : contenders_) {
        if (!tables_[f].shared() || &contender == &full()) {
          contender.model().table(FeatureIndex{f}).grow(own_[f].rows());
        }
      }
    }
    const auto learn_with = [&](Contender& contender, auto place) {
      for (std::uint32_t f = 0; f < tables_.size(); ++f) {
        rows_[f] = &own_rows_[f];
        if (!tables_[f].shared() || &contender == &full()) continue;
        second_.clear();
        place(FeatureIndex{f}, piece.values(FeatureIndex{f}));
        placed_rows_[f].set(piece.lengths(FeatureIndex{f}), first_, second_);
        rows_[f] = &placed_rows_[f];
      }
      contender.learn(rows_, labels_, counted_from);
    };
    learn_with(full(), [](FeatureIndex, std::span<const Id>) {});
    learn_with(hash(), [&](FeatureIndex f, std::span<const Id> ids) {
      place_by_hash(hash_[f.value], ids, first_);
    });
    learn_with(frequency(), [&](FeatureIndex f, std::span<const Id> ids) {
      frequency_mapper_->place(f, ids, first_);
    });
    learn_with(remapd(), [&](FeatureIndex f, std::span<const Id> ids) {
      remapd_.place(f, ids, first_, second_);
    });
    frequency_mapper_->take(piece);
  }

  std::string describe() {
    std::string text =
        fmt::format("training: {:3.0f} % of {} samples",
                    100.0 * static_cast<double>(position_) / static_cast<double>(options_.samples),
                    options_.samples);
    for (std::uint32_t f = 0; f < tables_.size(); ++f) {
      if (!tables_[f].shared()) continue;
      const TableHistory history = remapd_.history(FeatureIndex{f});
      text += fmt::format(", {} v{}", tables_[f].feature,
                          history.served ? history.served->info.version.value : 0);
    }
    if (full().loss().samples() > 0) {
      text += ", NE so far:";
      for (const Contender& contender : contenders_) {
        text += fmt::format(" {} {:.4f}", contender.name(), contender.loss().normalised_entropy());
      }
    }
    return text;
  }

  TrainingResult result(double seconds) {
    TrainingResult out{.samples = position_,
                       .counted = full().loss().samples(),
                       .contenders = {},
                       .tables = {},
                       .seconds = seconds};
    const double best = full().loss().normalised_entropy();
    const double worst = hash().loss().normalised_entropy();
    for (Contender& contender : contenders_) {
      const double entropy = contender.loss().normalised_entropy();
      out.contenders.push_back(
          {.name = contender.name(),
           .rows = contender.rows(),
           .normalised_entropy = entropy,
           .log_loss = contender.loss().log_loss(),
           .gap_closed = worst > best ? (worst - entropy) / (worst - best) : std::nan("")});
    }
    for (std::uint32_t f = 0; f < tables_.size(); ++f) {
      out.tables.push_back(
          {.table = tables_[f],
           .ids = own_[f].rows(),
           .history = tables_[f].shared() ? remapd_.history(FeatureIndex{f}) : TableHistory{}});
    }
    return out;
  }

  pipeline::EventSource& source_;
  RemapdTables& remapd_;
  const TrainingOptions& options_;
  const std::vector<Table>& tables_;
  std::unique_ptr<FrequencyMapper> frequency_mapper_;
  Progress& progress_;
  std::uint64_t warm_up_;

  std::vector<Contender> contenders_;
  std::vector<mapping::Fallback> hash_;  // by feature
  std::vector<OwnRows> own_;             // by feature
  pipeline::BatchCursor cursor_;
  std::uint64_t position_ = 0;  // samples learned

  // Of the piece at hand.
  std::vector<PlacedRows> own_rows_;
  std::vector<PlacedRows> placed_rows_;
  std::vector<const PlacedRows*> rows_;
  std::vector<Row> first_;
  std::vector<Row> second_;
  std::vector<float> labels_;
};

}  // namespace

Result<TrainingResult> run_training(pipeline::EventSource& source, RemapdTables& remapd,
                                    const TrainingOptions& options, Progress& progress) {
  auto frequency_mapper = FrequencyMapper::create(options.tables, options.seed);
  if (!frequency_mapper) return fail(std::move(frequency_mapper).error());
  return Training(source, remapd, options, std::move(*frequency_mapper), progress).run();
}

}  // namespace remapd::click_trainer
