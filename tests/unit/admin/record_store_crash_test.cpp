#include "tests/unit/admin/sample_records.hpp"
#include "tests/unit/admin/temporary_folder.hpp"

#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/record_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>

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
            EXPECT_NE(entry.path().filename(), ".staged") << entry.path();
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
