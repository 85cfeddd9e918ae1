#include "tests/unit/admin/sample_records.hpp"
#include "tests/unit/admin/temporary_folder.hpp"

#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/record_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <string>
#include <vector>

namespace iscsi::admin {
namespace {

using std::filesystem::path;
using testing::HasSubstr;

// The disk is full from one making step on. What removes, works.
class full_disk : public file_system {
  public:
    explicit full_disk(int last_step) : steps_left_(last_step) {}

    bool failed() const { return failed_; }

    result<void> write_file(const path& file, std::string_view text) override {
        if (has_room())
            return file_system::write_file(file, text);
        static_cast<void>(file_system::write_file(file, text.substr(0, text.size() / 2)));
        return full(file);
    }

    result<void> write_unsynced(const path& file, std::string_view text) override {
        if (has_room())
            return file_system::write_unsynced(file, text);
        static_cast<void>(file_system::write_unsynced(file, text.substr(0, text.size() / 2)));
        return full(file);
    }

    result<void> make_folder(const path& folder) override {
        return has_room() ? file_system::make_folder(folder) : full(folder);
    }

    result<void> make_link(const path& link, const path& to) override {
        return has_room() ? file_system::make_link(link, to) : full(link);
    }

    result<void> move(const path& from, const path& to) override {
        return has_room() ? file_system::move(from, to) : full(to);
    }

    result<void> sync_folder(const path& folder) override {
        return has_room() ? file_system::sync_folder(folder) : full(folder);
    }

  private:
    bool has_room() { return steps_left_-- > 0; }

    result<void> full(const path& file) {
        failed_ = true;
        return system_fault(file_errc::write_failed, file, ENOSPC);
    }

    int steps_left_;
    bool failed_ = false;
};

// Names with what is in them, but for the lock.
std::vector<std::string> everything_below(const path& root) {
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
        auto line = entry.path().lexically_relative(root).string();
        if (entry.is_symlink())
            line += " -> " + std::filesystem::read_symlink(entry.path()).string();
        else if (entry.is_regular_file())
            line += ": " + read_file(entry.path())->value();
        if (entry.path().filename() != ".lock")
            all.push_back(std::move(line));
    }
    std::ranges::sort(all);
    return all;
}

class record_store_full_at_every_step
    : public testing::TestWithParam<std::function<result<void>(record_store&)>> {};

// A last step that only could not be synced has made its file, and keeps all that this needs.
TEST_P(record_store_full_at_every_step, keeps_what_was_there_and_nothing_half_made) {
    constexpr int more_than_enough = 200;
    for (int steps = 0; steps < more_than_enough; ++steps) {
        SCOPED_TRACE("full after step " + std::to_string(steps));
        const temporary_folder folder;
        record_store store(folder.path() / "db");
        ASSERT_TRUE(store.write_discovery(discovery_of("10.9.9.2")));
        ASSERT_TRUE(store.write(discovered_node(sample_id(1), "10.9.9.2")));
        const auto before = everything_below(store.root());
        full_disk files(steps);
        record_store full(store.root(), {.files = &files});
        const auto changed = GetParam()(full);
        EXPECT_EQ(changed.has_value(), !files.failed());
        if (!files.failed())
            return;
        EXPECT_THAT(changed.error().text(), HasSubstr("No space left on device"));
        const auto after = everything_below(store.root());
        ASSERT_TRUE(GetParam()(store));
        EXPECT_TRUE(after == before || after == everything_below(store.root()))
            << testing::PrintToString(after);
    }
    FAIL() << "the change does not end";
}

INSTANTIATE_TEST_SUITE_P(
    changes,
    record_store_full_at_every_step,
    testing::Values(
        [](record_store& store) { return store.write(discovered_node(sample_id(2), "10.9.9.2")); },
        [](record_store& store) {
            auto other_target = sample_id();
            other_target.target = "iqn.2026-11.org.example:another";
            return store.write(discovered_node(other_target, "10.9.9.3"));
        },
        [](record_store& store) { return store.write(node_of(sample_id(2))); },
        [](record_store& store) {
            auto known = discovered_node(sample_id(1), "10.9.9.2");
            must_set(known, "node.startup", "automatic");
            return store.write(known);
        },
        [](record_store& store) { return store.write_discovery(discovery_of("10.9.9.3")); },
        [](record_store& store) {
            record interface(record_kind::interface);
            must_set(interface, "iface.iscsi_ifacename", "other");
            return store.write_interface(interface);
        }
    )
);

TEST(record_store_full_disk, makes_no_root_without_room_for_the_lock) {
    for (int steps = 0; steps < 4; ++steps) {
        const temporary_folder folder;
        full_disk files(steps);
        record_store store(folder.path() / "above" / "db", {.files = &files});
        EXPECT_FALSE(store.write(node_of(sample_id())));
        EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << steps;
    }
}

} // namespace
} // namespace iscsi::admin
