// A DeadLetterSink that remembers what it was given.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/pipeline/dead_letter_sink.h"

namespace remapd::test_support {

class RecordingDeadLetters final : public pipeline::DeadLetterSink {
 public:
  struct Letter {
    std::string payload;
    std::string reason;
    std::string origin;
    std::uint32_t partition;
    std::int64_t offset;
    std::uint64_t line;
  };

  Result<void> accept(const pipeline::DeadLetter& letter) override {
    if (refuse_with) return fail(*refuse_with);
    letters.push_back({std::string(as_text(letter.payload)), letter.reason, letter.origin,
                       letter.partition, letter.offset, letter.line});
    return {};
  }
  Result<void> flush() override { return {}; }

  std::vector<Letter> letters;
  std::optional<Error> refuse_with;  // when set, accept() fails with it
};

}  // namespace remapd::test_support
