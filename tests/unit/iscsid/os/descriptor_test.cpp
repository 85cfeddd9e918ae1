#include "iscsid/os/descriptor.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>

namespace {

using iscsid::os::descriptor;

bool is_open(int number) {
    return ::fcntl(number, F_GETFD) >= 0;
}

descriptor open_null() {
    return descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

TEST(descriptor, closes_what_it_owns) {
    int number = -1;
    {
        const descriptor owner = open_null();
        number = owner.number();
        EXPECT_TRUE(owner);
        EXPECT_TRUE(is_open(number));
    }
    EXPECT_FALSE(is_open(number));
}

TEST(descriptor, gives_away_what_it_owns) {
    descriptor first = open_null();
    const int number = first.number();
    descriptor second = std::move(first);
    EXPECT_EQ(second.number(), number);
    second.close();
    EXPECT_FALSE(second);
    EXPECT_FALSE(is_open(number));
    second.close(); // once is enough
}

TEST(descriptor, that_is_assigned_to_closes_what_it_had) {
    descriptor target = open_null();
    const int before = target.number();
    target = open_null();
    EXPECT_FALSE(is_open(before));
    EXPECT_TRUE(is_open(target.number()));
}

TEST(descriptor, of_a_failed_call_is_none) {
    EXPECT_FALSE(descriptor());
    EXPECT_FALSE(descriptor(::open("/nonexistent", O_RDONLY | O_CLOEXEC)));
}

} // namespace
