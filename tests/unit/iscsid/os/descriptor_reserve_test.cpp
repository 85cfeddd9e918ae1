#include "iscsid/os/descriptor_reserve.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vector>

namespace {

using namespace iscsid;

os::descriptor open_one() {
    return os::descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

TEST(descriptors_for_guests, leave_a_quarter_of_few_and_no_more_than_128) {
    EXPECT_EQ(os::kept_from_guests(64), 16U);
    EXPECT_EQ(os::kept_from_guests(512), 128U);
    EXPECT_EQ(os::kept_from_guests(1U << 20U), 128U);
    EXPECT_EQ(os::kept_from_guests(0), 0U);
}

// In a child: the limit is the process's.
void take_all_for_guests() {
    const rlimit few{64, 64};
    ::setrlimit(RLIMIT_NOFILE, &few);
    std::vector<os::descriptor> guests;
    while (true) {
        auto one = open_one();
        if (!one || os::takes_what_is_kept(one.number()))
            break;
        guests.push_back(std::move(one));
    }
    std::vector<os::descriptor> others;
    for (auto one = open_one(); one; one = open_one())
        others.push_back(std::move(one));
    ::_exit(others.size() == 16 ? 0 : 1);
}

TEST(descriptors_for_guests, are_told_by_their_number) {
    EXPECT_EXIT(take_all_for_guests(), testing::ExitedWithCode(0), "");
}

} // namespace
