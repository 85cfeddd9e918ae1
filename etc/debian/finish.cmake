# Between the installation into cpack's folder and the making of the package.
execute_process(
    COMMAND ${CPACK_ISCSI_DEBIAN_FOLDER}/finish ${CPACK_TEMPORARY_INSTALL_DIRECTORY}
        "${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}" "${CPACK_DEBIAN_PACKAGE_MAINTAINER}"
    COMMAND_ERROR_IS_FATAL ANY)
