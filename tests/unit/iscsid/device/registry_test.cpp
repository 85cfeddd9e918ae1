#include "tests/unit/iscsid/device/registry_fixture.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <utility>

namespace {

using namespace iscsid::device;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// ---- what is saved is loaded --------------------------------------------------------------------

TEST_F(registries, give_back_every_member) {
    save(full_state());
    const auto all = disks().load();
    EXPECT_THAT(all.bad, IsEmpty());
    ASSERT_THAT(all.disks, SizeIs(1));
    EXPECT_EQ(all_of(all.disks.front()), all_of(full_state()));
}

TEST_F(registries, keep_detached_luns_as_long_as_their_session_has_a_disk) {
    const auto disk = full_state();
    const detached_lun mine{disk.sid, disk.lun_number + 1};
    const detached_lun attached_again{disk.sid, disk.lun_number};
    const detached_lun of_another_session{disk.sid + 1, 3};
    save(disk);
    for (const auto& lun : {mine, attached_again, of_another_session})
        EXPECT_TRUE(disks().save(lun));
    const auto all = disks().load();
    EXPECT_THAT(all.bad, IsEmpty());
    EXPECT_THAT(all.disks, SizeIs(1));
    EXPECT_THAT(all.detached, ElementsAre(mine));
    disks().forget(disk.sid, disk.lun_number); // those that were pointless are gone
    save(with_lun(disk, 77));
    EXPECT_THAT(disks().load().detached, ElementsAre(mine));
    disks().forget(mine);
    EXPECT_THAT(disks().load().detached, IsEmpty());
}

TEST_F(registries, forget_the_disks_of_an_earlier_boot) {
    const auto disk = full_state();
    const auto of_boot = [this](const std::string& id) { return registry(folder, id); };
    ASSERT_TRUE(of_boot("first").save(disk));
    EXPECT_THAT(of_boot("first").load().disks, SizeIs(1));
    EXPECT_THAT(registry(folder).load().disks, SizeIs(1)) << "which boot it is is not known";
    const auto later = of_boot("second").load();
    EXPECT_THAT(later.disks, IsEmpty());
    EXPECT_THAT(later.bad, IsEmpty());
    EXPECT_EQ(later.of_earlier_boots, 1U);
    EXPECT_THAT(names(), IsEmpty());
    save(disk); // by a version that knew no boots
    EXPECT_THAT(of_boot("second").load().disks, SizeIs(1));
}

TEST_F(registries, give_back_each_flag_as_it_was) {
    using unit = scsi::logical_unit;
    constexpr bool unit::*flags[] = {
        &unit::read_only,
        &unit::write_cache_enabled,
        &unit::write_cache_known,
        &unit::dpofua,
        &unit::rotational,
        &unit::removable,
        &unit::write_same_non_zero,
        &unit::thin,
        &unit::reads_zero_after_unmap,
        &unit::can_unmap,
        &unit::can_write_same_16_unmap,
        &unit::can_write_same_10_unmap};
    for (const auto flag : flags) {
        auto disk = full_state();
        disk.properties.*flag = !(disk.properties.*flag);
        save(disk);
        const auto all = disks().load();
        ASSERT_THAT(all.disks, SizeIs(1));
        EXPECT_EQ(all_of(all.disks.front()), all_of(disk));
    }
}

// One of a daemon that did not know the difference.
TEST_F(registries, take_a_cache_for_known_where_nothing_else_is_said) {
    save(full_state());
    EXPECT_EQ(text().find("write_cache_known"), std::string::npos);
    const auto all = disks().load();
    ASSERT_THAT(all.disks, SizeIs(1));
    EXPECT_TRUE(all.disks.front().properties.write_cache_known);
}

TEST_F(registries, give_back_the_ends_of_every_range) {
    auto low = with_lun(full_state(), 0);
    low.sid = 1;
    low.index = 0;
    low.portal_port = 1;
    low.portal_group_tag = -1;
    low.properties = {};
    low.properties.block_count = 1;
    auto high = with_lun(full_state(), 0xffffffffffffffffULL);
    high.sid = 0xffffffff;
    high.index = 65535;
    high.portal_port = 65535;
    high.portal_group_tag = 65535;
    high.properties.block_count = 0xfffffffffffffULL;
    high.target = high.portal_address = high.interface = std::string(255, 'x');
    save(low);
    save(high);
    const auto all = disks().load();
    ASSERT_THAT(all.disks, SizeIs(2));
    EXPECT_EQ(all_of(all.disks[0]), all_of(low));
    EXPECT_EQ(all_of(all.disks[1]), all_of(high));
}

// A disk may call itself anything.
TEST_F(registries, give_back_words_that_are_no_text) {
    auto disk = full_state();
    disk.properties.vendor = std::string("\0\n\x7f\"\\", 5);
    disk.properties.product = "\xff\xc3(\x80\xed\xa0\x80";
    disk.properties.serial = std::string(1024, '\x01');
    disk.properties.wwid = std::string(1024, '\xfe');
    save(disk);
    const auto all = disks().load();
    ASSERT_THAT(all.disks, SizeIs(1));
    EXPECT_EQ(all_of(all.disks.front()), all_of(disk));
}

TEST_F(registries, replace_the_state_of_the_same_disk) {
    save(full_state());
    auto disk = full_state();
    disk.node = "ublkb12";
    save(disk);
    EXPECT_THAT(names(), ElementsAre(name));
    EXPECT_EQ(disks().load().disks.at(0).node, "ublkb12");
}

TEST_F(registries, sort_by_session_and_lun) {
    for (const auto& [sid, lun] : {std::pair(10U, 0U), {9U, 10U}, {9U, 9U}, {2U, 300U}}) {
        auto disk = with_lun(full_state(), lun);
        disk.sid = sid;
        save(disk);
    }
    std::vector<std::pair<std::uint32_t, std::uint64_t>> order;
    for (const auto& disk : disks().load().disks)
        order.emplace_back(disk.sid, disk.lun_number);
    EXPECT_THAT(
        order, ElementsAre(std::pair(2, 300), std::pair(9, 9), std::pair(9, 10), std::pair(10, 0))
    );
}

TEST_F(registries, are_for_their_owner_alone) {
    const auto before = ::umask(0);
    save(full_state());
    ::umask(before);
    EXPECT_EQ(fs::status(folder).permissions(), fs::perms::owner_all);
    EXPECT_EQ(
        fs::status(folder / name).permissions(), fs::perms::owner_read | fs::perms::owner_write
    );
}

TEST_F(registries, forget_one_disk) {
    save(full_state());
    save(with_lun(full_state(), 1));
    disks().forget(7, 16640);
    EXPECT_THAT(names(), ElementsAre("7-lun-1.json"));
    disks().forget(7, 16640);
    registry(runtime / "absent").forget(1, 1);
    EXPECT_THAT(disks().load().disks, SizeIs(1));
}

TEST_F(registries, are_empty_without_a_folder) {
    const auto all = disks().load();
    EXPECT_THAT(all.disks, IsEmpty());
    EXPECT_THAT(all.bad, IsEmpty());
    EXPECT_FALSE(fs::exists(folder));
}

TEST_F(registries, remove_what_an_interrupted_save_left) {
    save(full_state());
    put("{\"version\":1", ".new-Ab12Cd");
    const auto all = disks().load();
    EXPECT_THAT(all.disks, SizeIs(1));
    EXPECT_THAT(all.bad, IsEmpty());
    EXPECT_THAT(names(), ElementsAre(name));
}

// ---- what cannot be saved -----------------------------------------------------------------------

TEST_F(registries, save_nothing_that_they_would_not_load) {
    auto disk = full_state();
    disk.isid = "1234";
    auto saved = disks().save(disk);
    ASSERT_TRUE(saved.has_error());
    EXPECT_EQ(saved.error().code, iscsi::to_error_code(registry_errc::bad_text));
    EXPECT_FALSE(fs::exists(folder));

    disk = full_state();
    disk.lun_number = 1; // but the field is another
    saved = disks().save(disk);
    ASSERT_TRUE(saved.has_error());
    EXPECT_EQ(saved.error().code, iscsi::to_error_code(registry_errc::misplaced));
}

TEST_F(registries, say_that_a_folder_cannot_be_made_or_is_none) {
    std::ofstream(runtime / "file") << "";
    for (const auto& bad :
         {runtime / "absent" / "disks", runtime / "file", runtime / "file" / "x"}) {
        const auto saved = registry(bad).save(full_state());
        ASSERT_TRUE(saved.has_error()) << bad;
        EXPECT_EQ(saved.error().code, iscsi::to_error_code(registry_errc::write_failed));
        EXPECT_THAT(saved.error().field, HasSubstr(bad.string()));
        EXPECT_NE(saved.error().got, "");
    }
    const auto all = registry(runtime / "file").load();
    EXPECT_THAT(all.disks, IsEmpty());
    ASSERT_THAT(all.bad, SizeIs(1));
    EXPECT_EQ(all.bad[0].code, iscsi::to_error_code(registry_errc::read_failed));
}

TEST_F(registries, say_that_a_folder_is_not_theirs_to_use) {
    if (::geteuid() == 0)
        GTEST_SKIP() << "root may write and read everywhere";
    save(full_state());
    ::chmod(folder.c_str(), 0500);
    const auto saved = disks().save(full_state());
    ASSERT_TRUE(saved.has_error());
    EXPECT_EQ(saved.error().code, iscsi::to_error_code(registry_errc::write_failed));
    ::chmod(folder.c_str(), 0);
    EXPECT_EQ(only_fault().code, iscsi::to_error_code(registry_errc::read_failed));
    ::chmod(folder.c_str(), 0700);
}

TEST_F(registries, leave_nothing_when_the_name_is_taken) {
    fs::create_directories(folder / name / "full");
    const auto saved = disks().save(full_state());
    ASSERT_TRUE(saved.has_error());
    EXPECT_EQ(saved.error().code, iscsi::to_error_code(registry_errc::write_failed));
    EXPECT_THAT(names(), ElementsAre(name));
}

// A limit on the size of files stands for a full file system: half of the text is written.
TEST_F(registries, keep_the_earlier_state_when_the_folder_is_full) {
    save(full_state());
    auto disk = full_state();
    disk.node = "ublkb1";

    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{200, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const auto saved = disks().save(disk);
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);

    ASSERT_TRUE(saved.has_error());
    EXPECT_EQ(saved.error().code, iscsi::to_error_code(registry_errc::write_failed));
    EXPECT_THAT(names(), ElementsAre(name));
    EXPECT_EQ(disks().load().disks.at(0).node, "ublkb0");
}

TEST(registry_errors, have_words_of_their_own) {
    std::vector<std::string> all;
    for (int code = 1; code <= static_cast<int>(registry_errc::other_unit); ++code)
        all.emplace_back(message_of(static_cast<registry_errc>(code)));
    EXPECT_THAT(all, testing::Each(testing::Ne("unknown registry error")));
    std::ranges::sort(all);
    EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
    EXPECT_STREQ(iscsi::to_error_code(registry_errc::malformed).category().name(), "disk registry");
}

} // namespace
