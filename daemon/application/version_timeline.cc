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

std::uint64_t VersionTimeline::built_at() const {
  const pipeline::PublishSchedule::State state = schedule_.state();
  return state.due_at - std::min(state.due_at, state.gap);
}

NextBuild VersionTimeline::begin(std::uint64_t samples, std::uint64_t ids) {
  before_ = schedule_;
  schedule_.done(samples, ids);
  if (!catching_up()) {
    NextBuild next{.purpose = BuildPurpose::kPublish, .version = next_version()};
    if (last_ && last_->info.version == newest_ && adopted_ == newest_) {
      next.published_content = last_->content_hash;
    }
    return next;
  }
  if (samples >= last_->built_samples) {
    return {.purpose = BuildPurpose::kRejoin,
            .version = last_->info.version,
            .published_content = last_->content_hash};
  }
  const Version next{adopted_.value + 1};
  const bool was_published = next < last_->info.version;
  return {.purpose = was_published ? BuildPurpose::kRebuild : BuildPurpose::kNothing,
          .version = next};
}

void VersionTimeline::published(const mapping::Manifest& manifest) {
  last_ = manifest;
  newest_ = std::max(newest_, manifest.info.version);
}

}  // namespace remapd::application
