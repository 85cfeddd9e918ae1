#include "iscsid/lane/identity_answer.hpp"

#include "libiscsi/scsi/inquiry.hpp"
#include "libiscsi/scsi/status.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace iscsid::lane::test {
namespace {

using bytes = std::vector<std::byte>;

unit_identity named(const std::string& wwid, const std::string& serial) {
    unit_identity recorded;
    recorded.wwid = wwid;
    recorded.serial = serial;
    return recorded;
}

const unit_identity by_serial = named("", "S1");
const unit_identity by_designator = named("3600000000000000000000000000000ff", "");

bytes serial_page(std::string_view serial) {
    bytes page{std::byte{}, std::byte{0x80}, std::byte{}, static_cast<std::byte>(serial.size())};
    for (const char each : serial)
        page.push_back(static_cast<std::byte>(each));
    return page;
}

// VPD 83 with one NAA 6 designator of the logical unit (SPC-4 §7.8.5.2.5), and padding behind it.
bytes designator_page(std::byte last, std::size_t padding = 0) {
    bytes page(4 + 4 + 16 + padding);
    page[1] = std::byte{0x83};
    page[2] = static_cast<std::byte>((page.size() - 4) >> 8U);
    page[3] = static_cast<std::byte>((page.size() - 4) & 0xffU);
    page[4] = std::byte{1};
    page[5] = std::byte{3};
    page[7] = std::byte{16};
    page[8] = std::byte{0x60};
    page[23] = last;
    if (padding >= 4) // one vendor-specific designator fills it, as far as a length byte reaches
        page[24 + 3] = static_cast<std::byte>(std::min<std::size_t>(padding - 4, 255));
    return page;
}

identity_answer answer_of(const unit_identity& recorded, bytes page, std::size_t asked = 252) {
    iscsi::task_done done;
    done.transferred = static_cast<std::uint32_t>(std::min(page.size(), asked));
    page.resize(asked);
    return read_identity(recorded, first_question(recorded), done, page);
}

identity_answer answer_with(std::uint8_t status, const bytes& sense = {}) {
    iscsi::task_done done;
    done.status = status;
    done.sense = sense;
    return read_identity(by_serial, identity_question::serial_number, done, bytes(252));
}

TEST(identity_answer, records_the_designator_before_the_serial_number) {
    scsi::logical_unit properties;
    EXPECT_TRUE(identity_of(properties).name().empty());
    properties.serial = "S1";
    EXPECT_EQ(identity_of(properties).name(), "S1");
    EXPECT_EQ(first_question(identity_of(properties)), identity_question::serial_number);
    properties.wwid = by_designator.wwid;
    EXPECT_EQ(identity_of(properties).name(), by_designator.wwid);
    EXPECT_EQ(first_question(identity_of(properties)), identity_question::designator);
}

TEST(identity_answer, knows_the_same_unit_and_another_one) {
    EXPECT_EQ(answer_of(by_serial, serial_page("S1")).what, identity_finding::same);
    const auto other = answer_of(by_serial, serial_page("S2"));
    EXPECT_EQ(other.what, identity_finding::other);
    EXPECT_EQ(other.shown, "S2");
    EXPECT_EQ(
        answer_of(by_designator, designator_page(std::byte{0xff})).what, identity_finding::same
    );
    EXPECT_EQ(
        answer_of(by_designator, designator_page(std::byte{0xfe})).what, identity_finding::other
    );
}

TEST(identity_answer, a_whole_page_without_a_usable_name_says_nothing) {
    EXPECT_EQ(answer_of(by_serial, serial_page("    ")).what, identity_finding::unclear);
    bytes relative = designator_page(std::byte{0xff});
    relative[5] = std::byte{0x15}; // of the target port, relative
    EXPECT_EQ(answer_of(by_designator, relative).what, identity_finding::unclear);
}

TEST(identity_answer, what_was_recorded_is_asked_for_in_its_order) {
    using enum identity_question;
    unit_identity all = named("3600", "S1");
    all.vendor = "MAKER";
    all.block_count = 1;
    EXPECT_EQ(first_question(all), designator);
    EXPECT_EQ(next_question(all, designator), serial_number);
    EXPECT_EQ(next_question(all, serial_number), standard_data);
    EXPECT_EQ(next_question(all, standard_data), capacity);
    EXPECT_EQ(next_question(all, capacity), std::nullopt);
    EXPECT_EQ(next_question(by_designator, designator), std::nullopt);
    all.serial.clear();
    EXPECT_EQ(next_question(all, designator), standard_data);
}

// SPC-4 §6.6.2: byte 4 is the additional length, vendor and product are at 8 and 16.
bytes standard_data(std::string_view vendor, std::string_view product) {
    bytes data(36, std::byte{' '});
    data[0] = {};
    data[4] = std::byte{31};
    std::ranges::transform(vendor, data.begin() + 8, [](char each) {
        return static_cast<std::byte>(each);
    });
    std::ranges::transform(product, data.begin() + 16, [](char each) {
        return static_cast<std::byte>(each);
    });
    return data;
}

identity_finding finding_of(const unit_identity& recorded, identity_question asked, bytes data) {
    iscsi::task_done done;
    done.transferred = static_cast<std::uint32_t>(data.size());
    data.resize(std::max<std::size_t>(data.size(), first_length(asked)));
    return read_identity(recorded, asked, done, data).what;
}

TEST(identity_answer, vendor_and_product_prove_only_that_it_is_another_unit) {
    auto recorded = by_serial;
    recorded.vendor = "MAKER";
    recorded.product = "DISK";
    const auto found = [&recorded](const bytes& data) {
        return finding_of(recorded, identity_question::standard_data, data);
    };
    const auto agree = standard_data("MAKER", "DISK");
    EXPECT_EQ(found(agree), identity_finding::unclear);
    for (const auto& other : {standard_data("OTHER", "DISK"), standard_data("MAKER", "TAPE")})
        EXPECT_EQ(found(other), identity_finding::other);
    for (std::size_t came = 0; came < agree.size(); ++came) {
        auto cut = standard_data("OTHER", "TAPE");
        cut.resize(came);
        EXPECT_EQ(found(cut), identity_finding::unclear) << came;
    }
    auto away = agree;
    away[0] = std::byte{0x20};
    EXPECT_EQ(found(away), identity_finding::absent);
}

bytes capacity_data(std::uint32_t last_block, std::uint32_t block_size) {
    bytes data;
    for (const auto field : {last_block, block_size})
        for (unsigned shift = 32; shift > 0; shift -= 8)
            data.push_back(static_cast<std::byte>(field >> (shift - 8)));
    return data;
}

// A unit may have grown.
TEST(identity_answer, a_smaller_unit_and_one_of_other_blocks_is_another_one) {
    auto recorded = by_serial;
    recorded.block_count = 1000;
    recorded.block_size = 512;
    const auto found = [&](std::uint32_t last, std::uint32_t block) {
        return finding_of(recorded, identity_question::capacity, capacity_data(last, block));
    };
    EXPECT_EQ(found(999, 512), identity_finding::unclear);
    EXPECT_EQ(found(1999, 512), identity_finding::unclear);
    EXPECT_EQ(found(998, 512), identity_finding::other);
    EXPECT_EQ(found(999, 4096), identity_finding::other);
    recorded.block_count = 1ULL << 40U;
    EXPECT_EQ(found(0xffff'ffff, 512), identity_finding::unclear) << "asks for the 16-byte form";
    EXPECT_EQ(found(0xffff'fffe, 512), identity_finding::other);
}

// Whatever its name says: requests that wait would go to other places of the disk.
TEST(identity_answer, a_unit_of_other_blocks_is_not_the_one_that_it_was) {
    auto recorded = by_serial;
    recorded.block_count = 1000;
    recorded.block_size = 512;
    const auto found = [&](const bytes& data) {
        return finding_of(recorded, identity_question::block_length, data);
    };
    EXPECT_EQ(found(capacity_data(999, 512)), identity_finding::same);
    EXPECT_EQ(found(capacity_data(1999, 512)), identity_finding::same);
    EXPECT_EQ(found(capacity_data(9, 512)), identity_finding::same) << "its name speaks for it";
    for (const auto other : {256U, 520U, 4096U})
        EXPECT_EQ(found(capacity_data(999, other)), identity_finding::other) << other;
    EXPECT_EQ(found({}), identity_finding::same) << "it does not tell";
    recorded.serial.clear();
    EXPECT_EQ(first_question(recorded), identity_question::block_length);
    EXPECT_EQ(next_question(recorded, identity_question::block_length), std::nullopt);
    EXPECT_TRUE(recorded.is_known());
    recorded.block_size = 0;
    EXPECT_FALSE(recorded.is_known());
}

// A page that ends before its own length never proves that the unit is another one, and its name,
// where that has come, proves that it is the same.
TEST(identity_answer, a_page_that_is_cut_anywhere_is_never_another_unit) {
    const bytes same = designator_page(std::byte{0xff}, 100);
    const bytes other = designator_page(std::byte{0xfe}, 100);
    for (std::size_t came = 0; came < same.size(); ++came) {
        const auto cut = [came](bytes page) {
            page.resize(came);
            return page;
        };
        const auto name_came = came >= 24;
        EXPECT_EQ(
            answer_of(by_designator, cut(same)).what,
            name_came ? identity_finding::same : identity_finding::unclear
        ) << came;
        EXPECT_EQ(answer_of(by_designator, cut(other)).what, identity_finding::unclear) << came;
    }
    EXPECT_EQ(answer_of(by_designator, other).what, identity_finding::other);
}

TEST(identity_answer, an_empty_page_another_page_and_standard_data_say_nothing) {
    EXPECT_EQ(answer_of(by_serial, serial_page("")).what, identity_finding::unclear);
    EXPECT_EQ(answer_of(by_serial, {}).what, identity_finding::unclear);
    EXPECT_EQ(answer_of(by_serial, bytes(36)).what, identity_finding::unclear);
    EXPECT_EQ(answer_of(by_serial, designator_page(std::byte{})).what, identity_finding::unclear);
}

TEST(identity_answer, a_longer_page_is_asked_for_only_where_it_could_decide) {
    const auto longer = answer_of(by_designator, designator_page(std::byte{0xfe}, 259));
    EXPECT_EQ(longer.what, identity_finding::longer);
    EXPECT_EQ(longer.length, 24 + 259);
    EXPECT_EQ(
        answer_of(by_designator, designator_page(std::byte{0xff}, 259)).what, identity_finding::same
    );
    const auto whole = answer_of(by_designator, designator_page(std::byte{0xfe}, 259), 24 + 259);
    EXPECT_EQ(whole.what, identity_finding::other);
}

TEST(identity_answer, only_qualifier_0_is_a_unit_that_is_there) {
    for (unsigned qualifier = 1; qualifier < 8; ++qualifier) {
        auto page = serial_page("S1");
        page[0] = static_cast<std::byte>(qualifier << 5U);
        EXPECT_EQ(answer_of(by_serial, page).what, identity_finding::absent) << qualifier;
    }
}

TEST(identity_answer, patience_is_asked_for_by_what_is_transient) {
    const auto sense = [](std::uint8_t key, std::uint8_t code, std::uint8_t qualifier) {
        return bytes{
            std::byte{0x72},
            std::byte{key},
            std::byte{code},
            std::byte{qualifier},
            std::byte{},
            std::byte{},
            std::byte{},
            std::byte{}};
    };
    EXPECT_EQ(answer_with(0x08).what, identity_finding::no_answer); // BUSY
    EXPECT_EQ(answer_with(0x28).what, identity_finding::no_answer); // TASK SET FULL
    EXPECT_EQ(answer_with(0x40).what, identity_finding::no_answer); // TASK ABORTED
    EXPECT_EQ(answer_with(0x02, sense(0x2, 0x04, 0x01)).what, identity_finding::no_answer);
    EXPECT_EQ(answer_with(0x02, sense(0x6, 0x29, 0x00)).what, identity_finding::no_answer);
    EXPECT_EQ(answer_with(0x02, sense(0x5, 0x25, 0x00)).what, identity_finding::absent);
    EXPECT_EQ(answer_with(0x02, sense(0x5, 0x24, 0x00)).what, identity_finding::unclear);
    EXPECT_EQ(answer_with(0x02, sense(0x5, 0x20, 0x00)).what, identity_finding::unclear);
    EXPECT_EQ(answer_with(0x18).what, identity_finding::unclear); // RESERVATION CONFLICT
    iscsi::task_done done;
    done.outcome = iscsi::task_result::aborted;
    EXPECT_EQ(
        read_identity(by_serial, identity_question::serial_number, done, bytes(252)).what,
        identity_finding::no_answer
    );
}

// A target that forgets its residual: the page's own length says how much is there.
TEST(identity_answer, short_data_count_by_the_length_in_the_page) {
    auto page = serial_page("S1");
    iscsi::task_done done;
    done.outcome = iscsi::task_result::short_data;
    done.transferred = static_cast<std::uint32_t>(page.size());
    page.resize(252);
    EXPECT_EQ(
        read_identity(by_serial, identity_question::serial_number, done, page).what,
        identity_finding::same
    );
}

} // namespace
} // namespace iscsid::lane::test
