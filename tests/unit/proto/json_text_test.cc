#include "connectors/proto/json_text.h"

#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remapd::proto {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Seen {
  std::string text;
  std::uint64_t line;
  std::uint64_t element;

  friend bool operator==(const Seen&, const Seen&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Seen& seen) {
    return out << seen.text << " in line " << seen.line << ", element " << seen.element;
  }
};

std::vector<Seen> records_of(std::string_view text) {
  std::vector<Seen> records;
  for_each_json_record(text, [&](const JsonRecord& record) {
    records.push_back({std::string(record.text), record.line, record.element});
  });
  return records;
}

TEST(JsonText, ALineIsARecord) {
  EXPECT_THAT(records_of(R"({"a":1})"), ElementsAre(Seen{R"({"a":1})", 1, 0}));
  EXPECT_THAT(records_of("{\"a\":1}\n\n  {\"a\":2}\r\nnonsense\n{\"a\":3}\n"),
              ElementsAre(Seen{"{\"a\":1}", 1, 0}, Seen{"{\"a\":2}", 3, 0}, Seen{"nonsense", 4, 0},
                          Seen{"{\"a\":3}", 5, 0}));
}

TEST(JsonText, ABrokenLineEndsAtItsLineEnd) {
  EXPECT_THAT(
      records_of("{\"a\":[1\n{\"b\":2}\n{\"c\":\"\n"),
      ElementsAre(Seen{"{\"a\":[1", 1, 0}, Seen{"{\"b\":2}", 2, 0}, Seen{"{\"c\":\"", 3, 0}));
}

TEST(JsonText, ByteOrderMarkAndBlanksAreCutOff) {
  for (const char* text : {"\xef\xbb\xbf{\"a\":1}", "\n\n{\"a\":1}", " \r\n\t{\"a\":1} \n",
                           "\xef\xbb\xbf \n{\"a\":1}"}) {
    EXPECT_TRUE(begins_like_json(text)) << text;
    const auto records = records_of(text);
    ASSERT_EQ(records.size(), 1U) << text;
    EXPECT_EQ(records[0].text, "{\"a\":1}");
  }
  EXPECT_EQ(records_of("\n\n{\"a\":1}")[0].line, 3U);
}

TEST(JsonText, ObjectsMayTakeSeveralLines) {
  const std::string first = "{\n  \"f\": {\n    \"user\": [1, \"}]\\\"\"]\n  }\n}";
  EXPECT_THAT(records_of(first), ElementsAre(Seen{first, 1, 0}));
  EXPECT_THAT(records_of(first + "\n" + first), ElementsAre(Seen{first, 1, 0}, Seen{first, 6, 0}));
  EXPECT_THAT(
      records_of("{\"a\":1}{\"a\":2} {\"a\":3}"),
      ElementsAre(Seen{"{\"a\":1}", 1, 0}, Seen{"{\"a\":2}", 1, 0}, Seen{"{\"a\":3}", 1, 0}));
}

TEST(JsonText, WhatIsCutOffInTheMiddleIsOneRecord) {
  const std::string cut = "{\n  \"f\": {\n    \"user\": [1,\n";
  EXPECT_THAT(records_of(cut), ElementsAre(Seen{cut.substr(0, cut.size() - 1), 1, 0}));
}

TEST(JsonText, AListsElementsAreRecords) {
  EXPECT_THAT(records_of("[{\"a\":1}, {\"a\":[2,3]} ,4,\"x,y\"]"),
              ElementsAre(Seen{"{\"a\":1}", 1, 1}, Seen{"{\"a\":[2,3]}", 1, 2}, Seen{"4", 1, 3},
                          Seen{"\"x,y\"", 1, 4}));
  EXPECT_THAT(records_of("[\n {\"a\":1},\n {\"a\":\n2}\n]"),
              ElementsAre(Seen{"{\"a\":1}", 2, 1}, Seen{"{\"a\":\n2}", 3, 2}));
  EXPECT_THAT(records_of("[{\"a\":1}]\n[{\"a\":2}]"),
              ElementsAre(Seen{"{\"a\":1}", 1, 1}, Seen{"{\"a\":2}", 2, 1}));
  EXPECT_THAT(records_of("[]"), ElementsAre(Seen{"[]", 1, 0})) << "for the decoder to refuse";
}

TEST(JsonText, TextInQuotesIsReadOnce) {
  EXPECT_THAT(records_of(R"("{\"a\":1}")"), ElementsAre(Seen{R"({"a":1})", 1, 0}));
  EXPECT_THAT(records_of(R"("[{\"a\":1},{\"a\":2}]")"),
              ElementsAre(Seen{R"({"a":1})", 1, 1}, Seen{R"({"a":2})", 1, 2}));
  EXPECT_THAT(records_of(R"("text")"), ElementsAre(Seen{R"("text")", 1, 0}));
  EXPECT_THAT(records_of(R"("\"{}\"")"), ElementsAre(Seen{R"("{}")", 1, 0})) << "twice quoted";
}

TEST(JsonText, NothingHasNoRecords) {
  for (const char* text : {"", " \n", "\xef\xbb\xbf"}) {
    EXPECT_THAT(records_of(text), IsEmpty());
    EXPECT_FALSE(begins_like_json(text));
  }
}

TEST(JsonText, DeepNestingTakesNoStack) {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  EXPECT_EQ(records_of(deep).size(), 1U);
  EXPECT_EQ(records_of(std::string(1'000'000, '[')).size(), 1U);
}

}  // namespace
}  // namespace remapd::proto
