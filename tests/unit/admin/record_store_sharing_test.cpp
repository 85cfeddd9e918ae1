#include "tests/unit/admin/sample_records.hpp"
#include "tests/unit/admin/temporary_folder.hpp"

#include "libiscsi/admin/file_lock.hpp"
#include "libiscsi/admin/record_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

namespace iscsi::admin {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int writers = 3;
constexpr int rounds = 15;

// Every version of the shared record says the same in two places, far apart in the file.
record version_of(int number) {
    auto node = discovered_node(sample_id(), "10.9.9.2");
    must_set(node, "node.session.initial_cmdsn", std::to_string(number));
    must_set(node, "node.conn[0].timeo.logout_timeout", std::to_string(number));
    must_set(
        node, "node.session.auth.password", std::string(static_cast<std::size_t>(number), 'p')
    );
    return node;
}

bool is_whole(const record& node) {
    return node.get("node.session.initial_cmdsn") == node.get("node.conn[0].timeo.logout_timeout");
}

node_id own_id(int writer) {
    return {"iqn.own:" + std::to_string(writer), "10.1.1.1", 3260, 1, "default"};
}

// Changes the shared record, and makes and removes one of its own. True when all went well.
bool write_rounds(const std::filesystem::path& root, int writer) {
    record_store store(root);
    for (int round = 0; round < rounds; ++round) {
        const bool done = store.write(version_of(1 + writer * rounds + round)).has_value() &&
                          store.write(node_of(own_id(writer))).has_value() &&
                          store.remove(own_id(writer)).has_value();
        if (!done)
            return false;
    }
    return true;
}

// Reads until `stop`: how often the shared record was missing, torn or unreadable.
int bad_readings(const std::filesystem::path& root, const std::atomic<bool>& stop) {
    const record_store store(root);
    int bad = 0;
    while (!stop) {
        const auto all = store.select({.target = sample_target});
        const bool good =
            all.unreadable.empty() && all.records.size() == 1 && is_whole(all.records[0]);
        const auto found = store.find(sample_id());
        if (!good || !found || !*found || !is_whole(**found))
            ++bad;
    }
    return bad;
}

TEST(record_store_sharing, shows_threads_only_whole_records) {
    const temporary_folder folder;
    ASSERT_TRUE(record_store(folder.path()).write(version_of(1)));
    std::atomic<bool> stop = false;
    std::atomic<int> failed = 0;
    int bad = 0;
    std::thread reader([&] { bad = bad_readings(folder.path(), stop); });
    std::vector<std::thread> threads;
    for (int writer = 0; writer < writers; ++writer)
        threads.emplace_back([&, writer] { failed += write_rounds(folder.path(), writer) ? 0 : 1; }
        );
    for (auto& thread : threads)
        thread.join();
    stop = true;
    reader.join();
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(bad, 0);
    EXPECT_THAT(record_store(folder.path()).select({}).records, SizeIs(1));
}

TEST(record_store_sharing, shows_processes_only_whole_records) {
    const temporary_folder folder;
    ASSERT_TRUE(record_store(folder.path()).write(version_of(1)));
    std::vector<pid_t> children;
    for (int writer = 0; writer < writers; ++writer) {
        const auto child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0)
            ::_exit(write_rounds(folder.path(), writer) ? 0 : 1);
        children.push_back(child);
    }
    std::atomic<bool> stop = false;
    int bad = 0;
    std::thread reader([&] { bad = bad_readings(folder.path(), stop); });
    for (const auto child : children) {
        int status = -1;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0);
    }
    stop = true;
    reader.join();
    EXPECT_EQ(bad, 0);
    EXPECT_THAT(record_store(folder.path()).select({}).unreadable, IsEmpty());
}

// ---- changing what is there ----

constexpr int changers = 200;

// Adds one to a number of a record, in one edit. Which record, and how it is read and written, is
// the test's.
using add_one = bool (*)(record_store& store);

template <class Found, class Write>
bool raise(Found found, std::string_view key, Write write) {
    if (!found || !*found)
        return false;
    record changed = **found;
    const auto next = std::stoi(*changed.find(key)) + 1;
    return changed.set(key, std::to_string(next)) && write(changed);
}

bool add_to_node(record_store& store) {
    auto edit = store.edit();
    return edit && raise(store.find(sample_id()), "node.session.initial_cmdsn", [&](auto& changed) {
               return edit->write(changed).has_value();
           });
}

bool add_to_discovery(record_store& store) {
    auto edit = store.edit();
    return edit && raise(
                       store.find_discovery({"10.9.9.2", 3260}),
                       "discovery.sendtargets.reopen_max",
                       [&](auto& changed) { return edit->write_discovery(changed).has_value(); }
                   );
}

bool add_to_interface(record_store& store) {
    auto edit = store.edit();
    return edit && raise(store.find_interface("eth0"), "iface.mtu", [&](auto& changed) {
               return edit->write_interface(changed).has_value();
           });
}

// True when every one of as many processes did its step.
bool in_processes(const std::filesystem::path& root, add_one step) {
    std::vector<pid_t> children;
    for (int i = 0; i < changers; ++i) {
        const auto child = ::fork();
        if (child == 0) {
            record_store store(root);
            ::_exit(step(store) ? 0 : 1);
        }
        children.push_back(child);
    }
    bool all = true;
    for (const auto child : children) {
        int status = -1;
        all = child > 0 && ::waitpid(child, &status, 0) == child && status == 0 && all;
    }
    return all;
}

TEST(record_edit, loses_no_change_of_a_node_record) {
    const temporary_folder folder;
    record_store store(folder.path());
    ASSERT_TRUE(store.write(node_of(sample_id())));
    EXPECT_TRUE(in_processes(folder.path(), add_to_node));
    EXPECT_EQ((*store.find(sample_id()))->get_integer("node.session.initial_cmdsn"), changers);
}

TEST(record_edit, loses_no_change_of_a_discovery_record) {
    const temporary_folder folder;
    record_store store(folder.path());
    ASSERT_TRUE(store.write_discovery(discovery_of("10.9.9.2")));
    EXPECT_TRUE(in_processes(folder.path(), add_to_discovery));
    const auto found = store.find_discovery({"10.9.9.2", 3260});
    EXPECT_EQ((*found)->get_integer("discovery.sendtargets.reopen_max"), 5 + changers);
}

TEST(record_edit, loses_no_change_of_an_interface_record) {
    const temporary_folder folder;
    record_store store(folder.path());
    record interface(record_kind::interface);
    must_set(interface, "iface.iscsi_ifacename", "eth0");
    ASSERT_TRUE(store.write_interface(interface));
    EXPECT_TRUE(in_processes(folder.path(), add_to_interface));
    EXPECT_EQ((*store.find_interface("eth0"))->get_integer("iface.mtu"), changers);
}

TEST(file_lock, lets_one_in_and_says_who_waits) {
    const temporary_folder folder;
    const auto file = folder.path() / ".lock";
    {
        const auto held = file_lock::take(file, milliseconds(0));
        ASSERT_TRUE(held);
        const auto refused = file_lock::take(file, milliseconds(5));
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, to_error_code(file_errc::lock_failed));
        EXPECT_EQ(refused.error().field, file);
        EXPECT_THAT(refused.error().got, HasSubstr(std::to_string(::getpid())));
    }
    EXPECT_TRUE(file_lock::take(file, milliseconds(0)));
}

TEST(file_lock, tells_who_holds_it_and_that_the_wait_is_over) {
    const temporary_folder folder;
    const auto file = folder.path() / ".lock";
    std::array<int, 2> held{};
    ASSERT_EQ(::pipe(held.data()), 0);
    const auto child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        const auto lock = file_lock::take(file, milliseconds(0));
        ::close(held[1]);
        ::pause();
        ::_exit(lock ? 0 : 1);
    }
    ::close(held[1]);
    char unused = 0;
    ASSERT_EQ(::read(held[0], &unused, 1), 0) << "its end says that the lock is held";
    ::close(held[0]);

    const std::string holder = "process " + std::to_string(child) + " (";
    const auto refused = file_lock::take(file, milliseconds(5));
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().got, HasSubstr("waited 5 ms for " + holder));

    std::vector<lock_wait> told;
    const auto taken = file_lock::take(file, std::chrono::seconds(30), [&](const auto& wait) {
        told.push_back(wait);
        ::kill(child, SIGKILL);
    });
    EXPECT_TRUE(taken);
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[0].file, file);
    EXPECT_THAT(told[0].holder, testing::StartsWith(holder));
    EXPECT_FALSE(told[0].is_over);
    EXPECT_TRUE(told[1].is_over);
    EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

TEST(file_lock, tells_nothing_of_a_short_wait) {
    const temporary_folder folder;
    const auto file = folder.path() / ".lock";
    const auto held = file_lock::take(file, milliseconds(0));
    EXPECT_FALSE(file_lock::take(file, milliseconds(5), [](const auto&) { FAIL(); }));
}

TEST(file_lock, holds_up_every_change_and_no_reader) {
    const temporary_folder folder;
    ASSERT_TRUE(record_store(folder.path()).write(version_of(1)));
    const auto held = file_lock::take(folder.path() / ".lock", milliseconds(0));
    ASSERT_TRUE(held);
    record_store store(folder.path(), {.patience = milliseconds(5)});
    EXPECT_FALSE(store.write(version_of(2)));
    EXPECT_FALSE(store.remove(sample_id()));
    EXPECT_FALSE(store.write_discovery(discovery_of("10.9.9.2")));
    EXPECT_FALSE(store.remove_discovery({"10.9.9.2", 3260}));
    EXPECT_EQ(**store.find(sample_id()), version_of(1));
}

TEST(file_lock, ends_with_its_holder) {
    const temporary_folder folder;
    const auto file = folder.path() / ".lock";
    const auto child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        const auto held = file_lock::take(file, milliseconds(0));
        ::_exit(held ? 0 : 1); // without the destructor
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(file_lock::take(file, milliseconds(0)));
}

} // namespace
} // namespace iscsi::admin
