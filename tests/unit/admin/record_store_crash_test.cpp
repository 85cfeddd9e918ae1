#include "tests/unit/admin/sample_records.hpp"
#include "tests/unit/admin/temporary_folder.hpp"

#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/record_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace iscsi::admin {
namespace {

using std::filesystem::path;
using testing::HasSubstr;
using testing::IsEmpty;

// The power fails in step number `last_step` + 1: that write is half done, and nothing happens
// after it.
class failing_files : public file_system {
  public:
    explicit failing_files(int last_step, int error = EIO)
        : steps_left_(last_step), error_(error) {}

    bool failed() const { return failed_; }

    result<void> write_file(const path& file, std::string_view text) override {
        if (step())
            return file_system::write_file(file, text);
        if (first_failure())
            static_cast<void>(file_system::write_file(file, text.substr(0, text.size() / 2)));
        return refusal(file);
    }

    result<void> write_unsynced(const path& file, std::string_view text) override {
        if (step())
            return file_system::write_unsynced(file, text);
        if (first_failure())
            static_cast<void>(file_system::write_unsynced(file, text.substr(0, text.size() / 2)));
        return refusal(file);
    }

    result<void> sync_file_system(const path& where) override {
        return step() ? result<void>() : refusal(where); // the tests do not wait for a disk
    }

    result<void> make_folder(const path& folder) override {
        return step() ? file_system::make_folder(folder) : refusal(folder);
    }

    result<void> make_link(const path& link, const path& to) override {
        return step() ? file_system::make_link(link, to) : refusal(link);
    }

    result<void> move(const path& from, const path& to) override {
        return step() ? file_system::move(from, to) : refusal(to);
    }

    result<void> sync_folder(const path& folder) override {
        return step() ? file_system::sync_folder(folder) : refusal(folder);
    }

    result<void> remove_file(const path& file) override {
        return step() ? file_system::remove_file(file) : refusal(file);
    }

    result<void> remove_folder(const path& folder) override {
        return step() ? file_system::remove_folder(folder) : refusal(folder);
    }

  private:
    bool step() { return steps_left_-- > 0; }

    bool first_failure() const { return !failed_; }

    result<void> refusal(const path& file) {
        failed_ = true;
        return system_fault(file_errc::write_failed, file, error_);
    }

    int steps_left_;
    int error_;
    bool failed_ = false;
};

class record_store_crash : public testing::Test {
  protected:
    using step = std::function<result<void>(record_store&)>;
    using check = std::function<void(const record_store&)>;

    // Cuts the power after each step of `change`; `holds` is asked after each cut, and a later
    // change must find everything in order.
    void cut_everywhere(const step& prepare, const step& change, const check& holds) {
        constexpr int more_than_enough = 200;
        for (int steps = 0; steps < more_than_enough; ++steps) {
            SCOPED_TRACE("cut after step " + std::to_string(steps));
            const temporary_folder folder;
            record_store store(folder.path() / "db");
            ASSERT_TRUE(prepare(store));
            failing_files files(steps);
            record_store cut(store.root(), {.files = &files});
            const auto changed = change(cut);
            EXPECT_EQ(changed.has_value(), !files.failed());
            holds(store);
            goes_on(store);
            if (!files.failed())
                return;
        }
        FAIL() << "the change does not end";
    }

  private:
    static void goes_on(record_store& store) {
        const auto node = node_of({"iqn.later:one", "10.1.1.1", 3260, 1, "default"});
        EXPECT_TRUE(store.write(node));
        EXPECT_THAT(store.select({}).unreadable, IsEmpty());
        for (const auto& entry : std::filesystem::recursive_directory_iterator(store.root()))
            EXPECT_FALSE(entry.path().filename().string().starts_with(".staged")) << entry.path();
    }
};

result<void> nothing(record_store& /*store*/) {
    return {};
}

TEST_F(record_store_crash, leaves_a_new_record_or_none) {
    const auto node = discovered_node(sample_id(), "10.9.9.2");
    cut_everywhere(
        nothing,
        [&](record_store& store) { return store.write(node); },
        [&](const record_store& store) {
            const auto found = store.find(sample_id());
            ASSERT_TRUE(found) << found.error().text();
            EXPECT_TRUE(!*found || **found == node);
            EXPECT_THAT(store.select({}).unreadable, IsEmpty());
            EXPECT_EQ(store.discovered_by({"10.9.9.2", 3260}).size(), *found ? 1U : 0U)
                << "a record is never without its link";
        }
    );
}

TEST_F(record_store_crash, leaves_the_old_record_or_the_new_one) {
    const auto old_node = node_of(sample_id());
    auto new_node = discovered_node(sample_id(), "10.9.9.2");
    must_set(new_node, "node.session.auth.password", std::string(255, 'p'));
    cut_everywhere(
        [&](record_store& store) { return store.write(old_node); },
        [&](record_store& store) { return store.write(new_node); },
        [&](const record_store& store) {
            const auto found = store.find(sample_id());
            ASSERT_TRUE(found) << found.error().text();
            ASSERT_TRUE(*found);
            EXPECT_TRUE(**found == old_node || **found == new_node);
        }
    );
}

TEST_F(record_store_crash, leaves_the_old_discovery_record_or_the_new_one) {
    auto changed = discovery_of("10.9.9.2");
    must_set(changed, "discovery.sendtargets.reopen_max", "7");
    cut_everywhere(
        [](record_store& store) { return store.write_discovery(discovery_of("10.9.9.2")); },
        [&](record_store& store) { return store.write_discovery(changed); },
        [&](const record_store& store) {
            const auto found = store.find_discovery({"10.9.9.2", 3260});
            ASSERT_TRUE(found) << found.error().text();
            ASSERT_TRUE(*found);
            EXPECT_TRUE(**found == discovery_of("10.9.9.2") || **found == changed);
        }
    );
}

TEST_F(record_store_crash, removes_a_source_that_can_be_removed_again) {
    const discovery_id source{"10.9.9.2", 3260};
    cut_everywhere(
        [](record_store& store) -> result<void> {
            if (auto written = store.write_discovery(discovery_of("10.9.9.2")); !written)
                return written;
            if (auto written = store.write(discovered_node(sample_id(1), "10.9.9.2")); !written)
                return written;
            return store.write(discovered_node(sample_id(2), "10.9.9.2"));
        },
        [&](record_store& store) { return store.remove_discovery(source); },
        [&](const record_store& store) {
            EXPECT_THAT(store.select({}).unreadable, IsEmpty());
            record_store again(store.root());
            EXPECT_TRUE(again.remove_discovery(source));
            EXPECT_THAT(again.select({}).records, IsEmpty());
            EXPECT_THAT(again.discoveries(), IsEmpty());
        }
    );
}

// As many as are written together.
std::vector<record> many_nodes(std::string_view startup) {
    std::vector<record> all;
    for (int number = 1; number <= 8; ++number) {
        all.push_back(discovered_node(sample_id(number), "10.9.9.2"));
        must_set(all.back(), "node.startup", startup);
    }
    return all;
}

result<void> write_many(record_store& store, const std::vector<record>& nodes) {
    auto edit = store.edit();
    if (!edit)
        return edit.error();
    edit->begin_many(nodes);
    for (const auto& node : nodes)
        if (auto written = edit->write(node); !written)
            return written;
    return edit->end_many();
}

TEST_F(record_store_crash, leaves_each_of_many_new_records_whole_or_not_there) {
    const auto nodes = many_nodes("automatic");
    cut_everywhere(
        nothing,
        [&](record_store& store) { return write_many(store, nodes); },
        [&](const record_store& store) {
            const auto found = store.select({});
            EXPECT_THAT(found.unreadable, IsEmpty());
            EXPECT_THAT(found.records, testing::IsSubsetOf(nodes));
            EXPECT_EQ(store.discovered_by({"10.9.9.2", 3260}).size(), found.records.size());
        }
    );
}

TEST_F(record_store_crash, leaves_each_of_many_changed_records_old_or_new) {
    const auto old_nodes = many_nodes("manual");
    const auto new_nodes = many_nodes("automatic");
    auto either = old_nodes;
    either.insert(either.end(), new_nodes.begin(), new_nodes.end());
    cut_everywhere(
        [&](record_store& store) { return write_many(store, old_nodes); },
        [&](record_store& store) { return write_many(store, new_nodes); },
        [&](const record_store& store) {
            const auto found = store.select({});
            EXPECT_THAT(found.unreadable, IsEmpty());
            EXPECT_EQ(found.records.size(), old_nodes.size());
            EXPECT_THAT(found.records, testing::IsSubsetOf(either));
        }
    );
}

TEST_F(record_store_crash, removes_many_records_one_by_one) {
    const auto nodes = many_nodes("manual");
    cut_everywhere(
        [&](record_store& store) { return write_many(store, nodes); },
        [&](record_store& store) -> result<void> {
            auto edit = store.edit();
            if (!edit)
                return edit.error();
            edit->begin_many(nodes.size());
            for (const auto& node : nodes)
                if (auto removed = edit->remove(id_of(node)); !removed)
                    return removed;
            return edit->end_many();
        },
        [&](const record_store& store) {
            const auto found = store.select({});
            EXPECT_THAT(found.unreadable, IsEmpty());
            EXPECT_THAT(found.records, testing::IsSubsetOf(nodes));
        }
    );
}

// A disk that keeps what was brought to it, and nothing else. Each rule that is broken is noted.
class forgetful_disk : public file_system {
  public:
    std::vector<std::string> broken; // names of files that took a place before their text was there

    // Names that a power cut would take back.
    std::set<path> unsynced_names;
    int flushes = 0;

    result<void> write_file(const path& file, std::string_view text) override {
        ++flushes;
        return file_system::write_unsynced(file, text);
    }

    result<void> write_unsynced(const path& file, std::string_view text) override {
        unsynced_texts_.insert(file);
        return file_system::write_unsynced(file, text);
    }

    result<void> sync_file_system(const path& where) override {
        ++flushes;
        EXPECT_TRUE(std::filesystem::is_directory(where)) << where;
        unsynced_texts_.clear();
        unsynced_names.clear();
        return {};
    }

    result<void> sync_folder(const path& folder) override {
        ++flushes;
        std::erase_if(unsynced_names, [&](const path& name) {
            return name.parent_path() == folder;
        });
        return {};
    }

    result<void> make_folder(const path& folder) override {
        note(folder);
        return file_system::make_folder(folder);
    }

    result<void> move(const path& from, const path& to) override {
        if (unsynced_texts_.contains(from))
            broken.push_back(to);
        note(to);
        return file_system::move(from, to);
    }

    result<void> remove_file(const path& file) override {
        std::error_code unused;
        if (std::filesystem::exists(std::filesystem::symlink_status(file, unused)))
            note(file);
        return file_system::remove_file(file);
    }

    result<void> remove_folder(const path& folder) override {
        auto removed = file_system::remove_folder(folder);
        if (!std::filesystem::exists(folder))
            note(folder);
        return removed;
    }

  private:
    // What waits to take its place may be lost.
    void note(const path& name) {
        for (const auto& part : name)
            if (part.string().starts_with(".staged"))
                return;
        unsynced_names.insert(name);
    }

    std::set<path> unsynced_texts_;
};

TEST(many_records, are_lasting_at_their_end_after_few_flushes) {
    const temporary_folder folder;
    forgetful_disk disk;
    record_store store(folder.path(), {.files = &disk});
    for (const auto* const startup : {"manual", "automatic"}) {
        disk.flushes = 0;
        ASSERT_TRUE(write_many(store, many_nodes(startup)));
        EXPECT_THAT(disk.broken, IsEmpty());
        EXPECT_THAT(disk.unsynced_names, IsEmpty());
        EXPECT_LE(disk.flushes, 5);
        EXPECT_THAT(
            store.select({}).records, testing::UnorderedElementsAreArray(many_nodes(startup))
        );
    }
    disk.flushes = 0;
    {
        auto edit = store.edit();
        ASSERT_TRUE(edit);
        edit->begin_many(8);
        for (const auto& node : many_nodes("manual"))
            EXPECT_TRUE(edit->remove(id_of(node)));
        EXPECT_TRUE(edit->end_many());
    }
    EXPECT_THAT(disk.unsynced_names, IsEmpty());
    EXPECT_LE(disk.flushes, 5);
    EXPECT_THAT(store.select({}).records, IsEmpty());
}

TEST(many_records, that_are_few_are_lasting_one_by_one) {
    const temporary_folder folder;
    forgetful_disk disk;
    record_store store(folder.path(), {.files = &disk});
    auto nodes = many_nodes("manual");
    nodes.pop_back();
    auto edit = store.edit();
    ASSERT_TRUE(edit);
    edit->begin_many(nodes);
    for (const auto& node : nodes) {
        EXPECT_TRUE(edit->write(node));
        EXPECT_THAT(disk.unsynced_names, IsEmpty());
    }
    EXPECT_THAT(disk.broken, IsEmpty());
}

// After a step that failed nobody ends them.
TEST(many_records, are_lasting_when_their_change_is_given_up) {
    const temporary_folder folder;
    forgetful_disk disk;
    record_store store(folder.path(), {.files = &disk});
    {
        const auto nodes = many_nodes("manual");
        auto edit = store.edit();
        ASSERT_TRUE(edit);
        edit->begin_many(nodes);
        ASSERT_TRUE(edit->write(nodes.front()));
        EXPECT_THAT(disk.unsynced_names, testing::Not(IsEmpty()));
    }
    EXPECT_THAT(disk.unsynced_names, IsEmpty());
    EXPECT_FALSE(std::filesystem::exists(folder.path() / ".staged.many"));
}

TEST(record_store_full_disk, keeps_the_old_record_and_names_the_file) {
    const temporary_folder folder;
    record_store store(folder.path());
    ASSERT_TRUE(store.write(node_of(sample_id())));
    auto changed = node_of(sample_id());
    must_set(changed, "node.startup", "automatic");
    constexpr int steps_before_the_write = 6; // clearing staged files
    failing_files files(steps_before_the_write, ENOSPC);
    const auto written = record_store(folder.path(), {.files = &files}).write(changed);
    ASSERT_FALSE(written);
    const auto file = folder.path() / "nodes" / sample_target / "10.9.9.1,3260,1/default";
    EXPECT_EQ(written.error().field, file);
    EXPECT_EQ(written.error().code, to_error_code(file_errc::write_failed));
    EXPECT_THAT(written.error().text(), HasSubstr("No space left on device"));
    EXPECT_EQ(**store.find(sample_id()), node_of(sample_id()));
}

} // namespace
} // namespace iscsi::admin
