// VersionTimeline: which version of one table is due when, and what has to be done for it.
//
// Normally: publish the next version at the samples the schedule says. After a restart the engine
// may be behind what was published: the checkpoint it came from is older than the newest version.
// Then the stream repeats itself, and so do the versions: those before the newest are built again
// and adopted without publishing, at the same samples as the first time, and at the sample the
// newest was built from the table has caught up (it is fetched if it was not reproduced). Published
// version numbers go on from there without gap or repeat.
//
// A value with no clock and no threads; not thread safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "core/mapping/mapping_sink.h"
#include "core/pipeline/checkpoint.h"
#include "core/pipeline/publish_schedule.h"

namespace remapd::application {

enum class BuildPurpose : std::uint8_t {
  kPublish,
  kRebuild,   // published before a restart: build it again, publish nothing
  kRejoin,    // likewise, and it is the newest that was: if it comes out different, fetch it
  kNothing,   // no version came of it before the restart: nothing is built
  kRollBack,  // an operator goes back to an earlier version
};

struct NextBuild {
  BuildPurpose purpose = BuildPurpose::kPublish;
  Version version;
  pipeline::BuildKind kind = pipeline::BuildKind::kFull;
  // The samples at which the version after it is due: if it can be an increment, and if not.
  std::uint64_t due_after = 0;
  std::uint64_t full_due_after = 0;
  // kRejoin: of that version. Else: of the newest published version if it is the adopted one; none:
  // no delta can lead to the version to be built.
  std::optional<std::uint64_t> published_content{};
};

class VersionTimeline {
 public:
  VersionTimeline(std::string table, pipeline::PublishSchedule::Config schedule)
      : table_(std::move(table)), schedule_(schedule), before_(schedule) {}

  // What the sink found when the table was looked at, or taken over.
  void found(const mapping::Tenure& tenure);
  // What the checkpoint says of this table, of which the engine tracks `ids` ids.
  void restore(const pipeline::TableProgress& progress, std::uint64_t ids);
  pipeline::TableProgress progress() const {
    return {table_, adopted_, schedule_.state(), frozen_};
  }

  const std::string& table() const { return table_; }
  Epoch epoch() const { return epoch_; }
  Version adopted() const { return adopted_; }
  // The newest version that was published and can be had.
  const std::optional<mapping::Manifest>& last() const { return last_; }
  // The number of the next version to be published.
  Version next_version() const { return Version{std::max(newest_, adopted_).value + 1}; }

  bool frozen() const { return frozen_; }
  void freeze(bool frozen) { frozen_ = frozen; }
  // Nothing is to be built. A frozen table that is catching up only repeats what was done before.
  bool stands_still() const { return frozen_ && !catching_up(); }

  // The newest published version cannot be reached by going on from `samples`: it must be fetched
  // and adopted now. `restored`: the engine's state came from a checkpoint.
  bool needs_fetch(std::uint64_t samples, bool restored) const;
  // Published versions are ahead of the engine.
  bool catching_up() const { return last_.has_value() && adopted_ < last_->info.version; }

  // The sample at which something is to be built.
  std::uint64_t due_at() const;
  // The sample the last build began at, 0 before the first.
  std::uint64_t built_at() const { return schedule_.state().built_at; }

  // What is due at `samples`, from due_at() on; `between`: Engine::between_full_builds(). None:
  // nothing before the next full build, and due_at() is that.
  std::optional<pipeline::BuildKind> due_kind(std::uint64_t samples,
                                              std::optional<pipeline::BuildKind> between);
  // What to build at `samples`, of `ids` tracked ids; the schedule goes on from here.
  NextBuild begin(pipeline::BuildKind kind, std::uint64_t samples, std::uint64_t ids);
  // That build was given up because of a stop: it is due again.
  void given_up() { schedule_ = before_; }
  void adopted(Version version) { adopted_ = version; }
  void published(const mapping::Manifest& manifest);
  // The published versions cannot be read: continue with the engine's incumbent.
  void forget_published() { last_.reset(); }

 private:
  NextBuild begin_again(pipeline::BuildKind kind, std::uint64_t samples) const;

  std::string table_;
  pipeline::PublishSchedule schedule_;
  pipeline::PublishSchedule before_;  // the last begin()
  Epoch epoch_;
  std::optional<mapping::Manifest> last_;
  Version newest_;   // in use
  Version adopted_;  // by the engine
  bool frozen_ = false;
};

}  // namespace remapd::application
