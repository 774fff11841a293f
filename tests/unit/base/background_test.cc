#include "core/base/background.h"

#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>
#include <tbb/global_control.h>

namespace remapd {
namespace {

// With one thread there is nobody but the owner to do it.
TEST(Background, IsDoneWhenFinished) {
  for (const std::size_t threads : {1UL, 2UL}) {
    const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
    Background background;
    EXPECT_FALSE(background.under_way());
    std::vector<int> done;
    for (int i = 0; i < 1'000; ++i) {
      background.start([&done, i] { done.push_back(i); });
      EXPECT_TRUE(background.under_way());
      background.finish();
      EXPECT_FALSE(background.under_way());
      ASSERT_EQ(done.size(), static_cast<std::size_t>(i) + 1);
    }
    background.finish();
    EXPECT_EQ(done.size(), 1'000U);
  }
}

TEST(Background, TellsItsOwnerWhatWasThrown) {
  Background background;
  background.start([] { throw std::runtime_error("no"); });
  EXPECT_THROW(background.finish(), std::runtime_error);
  int done = 0;
  background.start([&done] { ++done; });
  background.finish();
  EXPECT_EQ(done, 1);
}

TEST(Background, EndsBeforeWhatItUsesDoes) {
  int done = 0;
  {
    Background background;
    background.start([&done] { ++done; });
  }
  EXPECT_EQ(done, 1);
  Background thrown;
  thrown.start([] { throw std::runtime_error("nobody is left to tell"); });
}

}  // namespace
}  // namespace remapd
