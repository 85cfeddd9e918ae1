#include "iscsid/lane/identity_answer.hpp"

#include "libiscsi/scsi/inquiry.hpp"
#include "libiscsi/scsi/status.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string_view>
#include <vector>

namespace iscsid::lane::test {
namespace {

using bytes = std::vector<std::byte>;

const unit_identity by_serial{scsi::vpd_page::unit_serial_number, "S1"};
const unit_identity by_designator{
    scsi::vpd_page::device_identification, "3600000000000000000000000000000ff"};

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
    return read_identity(recorded, done, page);
}

identity_answer answer_with(std::uint8_t status, const bytes& sense = {}) {
    iscsi::task_done done;
    done.status = status;
    done.sense = sense;
    return read_identity(by_serial, done, bytes(252));
}

TEST(identity_answer, records_the_designator_before_the_serial_number) {
    scsi::logical_unit properties;
    EXPECT_TRUE(identity_of(properties).name.empty());
    properties.serial = "S1";
    EXPECT_EQ(identity_of(properties), by_serial);
    properties.wwid = by_designator.name;
    EXPECT_EQ(identity_of(properties), by_designator);
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

TEST(identity_answer, a_whole_page_without_a_usable_name_is_of_another_unit) {
    EXPECT_EQ(answer_of(by_serial, serial_page("    ")).what, identity_finding::other);
    bytes relative = designator_page(std::byte{0xff});
    relative[5] = std::byte{0x15}; // of the target port, relative
    EXPECT_EQ(answer_of(by_designator, relative).what, identity_finding::other);
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
    EXPECT_EQ(answer_with(0x02, sense(0x5, 0x24, 0x00)).what, identity_finding::absent);
    EXPECT_EQ(answer_with(0x18).what, identity_finding::absent); // RESERVATION CONFLICT
    iscsi::task_done done;
    done.outcome = iscsi::task_result::aborted;
    EXPECT_EQ(read_identity(by_serial, done, bytes(252)).what, identity_finding::no_answer);
}

// A target that forgets its residual: the page's own length says how much is there.
TEST(identity_answer, short_data_count_by_the_length_in_the_page) {
    auto page = serial_page("S1");
    iscsi::task_done done;
    done.outcome = iscsi::task_result::short_data;
    done.transferred = static_cast<std::uint32_t>(page.size());
    page.resize(252);
    EXPECT_EQ(read_identity(by_serial, done, page).what, identity_finding::same);
}

} // namespace
} // namespace iscsid::lane::test
