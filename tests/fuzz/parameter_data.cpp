// READ CAPACITY, MODE SENSE, REPORT LUNS, PERSISTENT RESERVE IN.
#include "tests/fuzz/fuzz.hpp"

#include "libiscsi/scsi/capacity.hpp"
#include "libiscsi/scsi/lun.hpp"
#include "libiscsi/scsi/mode.hpp"
#include "libiscsi/scsi/reservation.hpp"

void fuzz_one(iscsi::bytes_view input) {
    (void)scsi::read_capacity_10_data(input);
    (void)scsi::read_capacity_16_data(input);
    (void)scsi::read_mode_6_data(input);
    (void)scsi::read_mode_10_data(input);
    (void)scsi::read_reservation(input);
    (void)scsi::read_reservation_capabilities(input);
    const std::size_t room = input.empty() ? 0 : std::to_integer<std::size_t>(input.back()) * 8;
    if (const auto read = scsi::read_registered_keys(input, room); read.has_value())
        expect(read->keys.size() * 8 + 8 <= input.size(), "keys that came");
    if (const auto read = scsi::read_full_status(input, room); read.has_value())
        expect(read->registrants.size() * 24 + 8 <= input.size(), "registrants that came");
    if (const auto list = scsi::read_lun_list(input); list.has_value())
        for (const auto& lun : list->luns)
            expect(scsi::lun_from_number(scsi::lun_number(lun)) == lun, "LUN round trip");
}
