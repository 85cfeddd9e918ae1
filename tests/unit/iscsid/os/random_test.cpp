#include "iscsid/os/random.hpp"

#include <gtest/gtest.h>

namespace {

using iscsid::os::random_bytes;

TEST(random, gives_as_many_bytes_as_wanted_and_others_each_time) {
    for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{100'000}})
        EXPECT_EQ(random_bytes(count).size(), count);
    EXPECT_NE(random_bytes(32), random_bytes(32));
}

} // namespace
