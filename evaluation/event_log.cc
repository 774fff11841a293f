#include "evaluation/event_log.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <utility>

#include <boost/unordered/unordered_flat_map.hpp>

#include "connectors/files/log_reader.h"
#include "core/base/hash.h"
#include "core/base/random.h"

namespace remapd::evaluation {
namespace {

struct IdHash {
  using is_avalanching = void;
  std::size_t operator()(Id id) const { return hash_id(id, 0); }
};

}  // namespace

Result<EventLog> EventLog::read(const EventLogOptions& options,
                                const std::function<void(std::size_t)>& progress) {
  std::vector<pipeline::Feature> features;
  for (const std::string& name : options.features) features.push_back({name, TableIndex{0}});
  files::LogFileOptions file;
  file.path = options.path;
  file.tsv.label_column = options.label_column;
  file.tsv.labels = options.labels ? files::LabelUse::kIfPresent : files::LabelUse::kIgnore;
  file.tsv.multi_value_separator = options.multi_value_separator;
  auto source = files::LogFileSource::create(file, pipeline::FeatureSchema(features), nullptr);
  if (!source) return fail(std::move(source).error());
  if (auto started = (*source)->start({}); !started) return fail(std::move(started).error());

  Builder builder(options.features);
  pipeline::EventBatch batch;
  for (std::size_t batches = 0;; ++batches) {
    auto outcome = (*source)->poll(batch, std::chrono::seconds(1));
    if (!outcome) return fail(std::move(outcome).error());
    if (*outcome == pipeline::PollOutcome::kEnd) break;
    if (*outcome == pipeline::PollOutcome::kIdle) continue;
    builder.add(batch);
    if (batches % 64 == 0) progress(builder.samples());
  }
  EventLog log = std::move(builder).finish();
  log.unreadable_ = (*source)->counters().dead_letters;
  if (log.samples() == 0) {
    return fail(ErrorCode::kInvalidArgument,
                options.path.string() + " holds no sample that could be read");
  }
  return log;
}

EventLog EventLog::shuffled(std::uint64_t seed) const {
  std::vector<std::size_t> order(samples());
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random(seed).shuffle(std::span(order));

  EventLog out;
  out.unreadable_ = unreadable_;
  out.labelled_ = labelled_;
  for (const std::size_t sample : order) out.labels_.push_back(labels_[sample]);
  for (std::uint32_t f = 0; f < features(); ++f) {
    Column& column = out.columns_.emplace_back();
    column.name = columns_[f].name;
    column.ids = columns_[f].ids;
    column.numbers.reserve(columns_[f].numbers.size());
    for (const std::size_t sample : order) {
      const std::span<const std::uint32_t> of_sample = numbers(FeatureIndex{f}, sample);
      column.numbers.insert(column.numbers.end(), of_sample.begin(), of_sample.end());
      column.begin.push_back(column.numbers.size());
    }
  }
  return out;
}

struct EventLog::Builder::Numbers {
  std::vector<boost::unordered_flat_map<Id, std::uint32_t, IdHash>> of_feature;
};

EventLog::Builder::Builder(const std::vector<std::string>& features)
    : numbers_(std::make_unique<Numbers>()) {
  numbers_->of_feature.resize(features.size());
  log_.columns_.resize(features.size());
  for (std::size_t f = 0; f < features.size(); ++f) log_.columns_[f].name = features[f];
}

EventLog::Builder::~Builder() = default;

void EventLog::Builder::add(const pipeline::EventBatch& batch, std::size_t at_most) {
  const std::size_t samples = std::min(at_most, batch.samples());
  for (std::uint32_t f = 0; f < log_.features(); ++f) {
    Column& column = log_.columns_[f];
    auto& numbers = numbers_->of_feature[f];
    std::size_t ids = 0;
    for (const std::uint32_t length : batch.lengths(FeatureIndex{f}).first(samples)) {
      ids += length;
      column.begin.push_back(column.begin.back() + length);
    }
    for (const Id id : batch.values(FeatureIndex{f}).first(ids)) {
      const auto next = static_cast<std::uint32_t>(column.ids.size());
      const auto [at, fresh] = numbers.try_emplace(id, next);
      if (fresh) column.ids.push_back(id);
      column.numbers.push_back(at->second);
    }
  }
  const std::span<const float> labels = batch.labels();
  for (std::size_t i = 0; i < samples; ++i) {
    const float label = labels.empty() ? std::numeric_limits<float>::quiet_NaN() : labels[i];
    log_.labelled_ = log_.labelled_ || !std::isnan(label);
    log_.labels_.push_back(label);
  }
}

EventLog EventLog::Builder::finish() && {
  return std::move(log_);
}

}  // namespace remapd::evaluation
