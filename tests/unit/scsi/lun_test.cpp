#include "tests/unit/scsi/bytes_of.hpp"

#include "libiscsi/scsi/lun.hpp"
#include "libiscsi/scsi/parameter_data.hpp"

#include <gtest/gtest.h>

namespace scsi {
namespace {

using test::bytes_of;

lun_field lun(std::initializer_list<unsigned> values) {
    return test::padded<8>(values);
}

TEST(lun, numbers_are_those_of_linux) {
    EXPECT_EQ(lun_number(lun({0, 0})), 0U);
    EXPECT_EQ(lun_number(lun({0, 255})), 255U);
    EXPECT_EQ(lun_number(lun({1, 0})), 256U);           // int_to_scsilun(256)
    EXPECT_EQ(lun_number(lun({0x41, 0})), 16640U);      // flat 256
    EXPECT_EQ(lun_number(lun({0xc1, 1})), 49409U);      // REPORT LUNS well-known
    EXPECT_EQ(lun_number(lun({0, 1, 0, 2})), 0x20001U); // two levels
    EXPECT_EQ(lun_number(lun({1, 2, 3, 4, 5, 6, 7, 8})), 0x0708'0506'0304'0102U);
}

TEST(lun, numbers_become_the_fields_of_linux) {
    EXPECT_EQ(lun_from_number(1), lun({0, 1}));
    EXPECT_EQ(lun_from_number(16640), lun({0x41, 0}));
    EXPECT_EQ(lun_from_number(0x20001), lun({0, 1, 0, 2}));
    EXPECT_EQ(lun_from_number(0x0708'0506'0304'0102), lun({1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(lun, numbers_round_trip) {
    for (const std::uint64_t number : {0ULL, 255ULL, 256ULL, 16383ULL, 16640ULL, ~0ULL})
        EXPECT_EQ(lun_number(lun_from_number(number)), number);
}

TEST(lun, decodes_peripheral_addressing) {
    EXPECT_EQ(decode_lun(lun({0, 7})), (lun_address{.unit = 7}));
    EXPECT_EQ(decode_lun(lun({0x3f, 0xff})), (lun_address{.bus = 0x3f, .unit = 0xff}));
}

TEST(lun, decodes_flat_addressing) {
    EXPECT_EQ(
        decode_lun(lun({0x41, 0x02})),
        (lun_address{.method = addressing_method::flat, .unit = 0x102})
    );
    EXPECT_EQ(decode_lun(lun({0x7f, 0xff})).unit, 16383U);
}

TEST(lun, decodes_logical_unit_addressing) {
    EXPECT_EQ(
        decode_lun(lun({0x80 | 0x15, 0xa3})),
        (lun_address{.method = addressing_method::logical_unit, .bus = 5, .target = 0x15, .unit = 3}
        )
    );
}

TEST(lun, decodes_extended_addressing) {
    const auto extended = addressing_method::extended;
    EXPECT_EQ(
        decode_lun(lun({0xc1, 0x01})),
        (lun_address{.method = extended, .unit = 1, .well_known = true})
    );
    EXPECT_EQ(
        decode_lun(lun({0xd2, 1, 2, 3})), (lun_address{.method = extended, .unit = 0x010203})
    );
    EXPECT_EQ(
        decode_lun(lun({0xe2, 1, 2, 3, 4, 5})),
        (lun_address{.method = extended, .unit = 0x0102030405})
    );
    EXPECT_EQ(decode_lun(lun({0xff, 0xff, 0xff})), (lun_address{.method = extended}));
}

TEST(lun_list, reads_all_luns) {
    const auto list = read_lun_list(
                          bytes_of({0, 0, 0, 16, 0, 0, 0, 0}) + bytes_of({0, 0, 0, 0, 0, 0, 0, 0}) +
                          bytes_of({0x41, 0, 0, 0, 0, 0, 0, 0})
    )
                          .value();
    EXPECT_EQ(list.luns, (std::vector{lun({}), lun({0x41, 0})}));
    EXPECT_EQ(list.needed_length, 24U);
}

TEST(lun_list, tells_the_length_it_needs) {
    const auto list = read_lun_list(bytes_of({0, 0, 1, 0, 0, 0, 0, 0}) + test::zeros(8)).value();
    EXPECT_EQ(list.luns.size(), 1U);
    EXPECT_EQ(list.needed_length, 264U);
}

TEST(lun_list, cuts_lengths_that_lie) {
    const auto huge =
        read_lun_list(bytes_of({0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}) + test::zeros(12)).value();
    EXPECT_EQ(huge.luns.size(), 1U);
    EXPECT_EQ(huge.needed_length, 0x1'0000'0007U);

    const auto small =
        read_lun_list(bytes_of({0, 0, 0, 8, 0, 0, 0, 0}) + test::zeros(8) + bytes_of({0, 1}))
            .value();
    EXPECT_EQ(small.luns, std::vector{lun({})});
}

TEST(lun_list, drops_a_lun_that_is_not_whole) {
    const auto odd =
        read_lun_list(bytes_of({0, 0, 0, 13, 0, 0, 0, 0}) + test::zeros(8) + test::zeros(8));
    EXPECT_EQ(odd.value().luns.size(), 1U);
}

TEST(lun_list, names_each_lun_once) {
    const auto list = read_lun_list(bytes_of({0, 0, 0, 16, 0, 0, 0, 0}) + test::zeros(16));
    EXPECT_EQ(list.value().luns.size(), 1U);
}

TEST(lun_list, needs_its_header) {
    const auto refused = read_lun_list(test::zeros(7));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, iscsi::to_error_code(parameter_errc::too_short));
    EXPECT_TRUE(read_lun_list(test::zeros(8)).value().luns.empty());
}

TEST(lun_list, survives_every_truncation) {
    test::read_every_beginning(
        bytes_of({0, 0, 0, 24, 0, 0, 0, 0}) + test::zeros(24),
        [](const test::bytes& data) { return read_lun_list(data); }
    );
}

} // namespace
} // namespace scsi
