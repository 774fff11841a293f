#include "daemon/application/version_timeline.h"

#include <algorithm>

namespace remapd::application {

void VersionTimeline::found(const mapping::Tenure& tenure) {
  epoch_ = tenure.epoch;
  last_ = tenure.last;
  newest_ = tenure.newest;
  if (last_) newest_ = std::max(newest_, last_->info.version);
}

void VersionTimeline::restore(const pipeline::TableProgress& progress, std::uint64_t ids) {
  adopted_ = progress.version;
  frozen_ = progress.frozen;
  schedule_.restore(progress.schedule, ids);
}

bool VersionTimeline::needs_fetch(std::uint64_t samples, bool restored) const {
  if (!catching_up()) return false;
  return !restored || samples > last_->built_samples;
}

std::uint64_t VersionTimeline::due_at() const {
  const std::uint64_t scheduled = schedule_.due_at();
  return catching_up() ? std::min(scheduled, last_->built_samples) : scheduled;
}

std::optional<pipeline::BuildKind> VersionTimeline::due_kind(
    std::uint64_t samples, std::optional<pipeline::BuildKind> between) {
  auto kind = schedule_.kind(samples, between);
  // The newest published version is due whatever the schedule says.
  if (!kind && catching_up() && samples >= last_->built_samples) kind = pipeline::BuildKind::kFull;
  if (!kind) schedule_.pass();
  return kind;
}

NextBuild VersionTimeline::begin(pipeline::BuildKind kind, std::uint64_t samples,
                                 std::uint64_t ids) {
  before_ = schedule_;
  if (catching_up()) {
    schedule_.done(kind, samples, ids);
    return begin_again(kind, samples);
  }
  NextBuild next{.purpose = BuildPurpose::kPublish, .version = next_version()};
  if (last_ && last_->info.version == newest_ && adopted_ == newest_) {
    next.published_content = last_->content_hash;
  } else {
    kind = pipeline::BuildKind::kFull;  // an increment is a delta
  }
  schedule_.done(kind, samples, ids);
  next.kind = kind;
  next.due_after = schedule_.due_at();
  next.full_due_after = schedule_.state().full_due_at;
  return next;
}

// What was done before the restart.
NextBuild VersionTimeline::begin_again(pipeline::BuildKind kind, std::uint64_t samples) const {
  if (samples >= last_->built_samples) {
    return {.purpose = BuildPurpose::kRejoin,
            .version = last_->info.version,
            .kind = kind,
            .published_content = last_->content_hash};
  }
  const Version next{adopted_.value + 1};
  const bool was_published = next < last_->info.version;
  return {.purpose = was_published ? BuildPurpose::kRebuild : BuildPurpose::kNothing,
          .version = next,
          .kind = kind};
}

void VersionTimeline::published(const mapping::Manifest& manifest) {
  last_ = manifest;
  newest_ = std::max(newest_, manifest.info.version);
}

}  // namespace remapd::application
