# Installing the daemon, and its Debian package: cpack --config build/release/CPackConfig.cmake

set(daemon_manual ${PROJECT_BINARY_DIR}/packaging/remapd.1)
set(daemon_completion ${PROJECT_BINARY_DIR}/packaging/remapd.bash)
set(daemon_zsh_completion ${PROJECT_BINARY_DIR}/packaging/_remapd)
set(daemon_fish_completion ${PROJECT_BINARY_DIR}/packaging/remapd.fish)
set(daemon_changelog ${PROJECT_BINARY_DIR}/packaging/changelog)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/packaging)
# Manual page and completion are made by the command line itself.
add_custom_command(
  OUTPUT ${daemon_manual}.gz ${daemon_completion} ${daemon_zsh_completion} ${daemon_fish_completion}
         ${daemon_changelog}.gz
  COMMAND remapd manual > ${daemon_manual}
  COMMAND gzip -9nf ${daemon_manual}
  COMMAND remapd completion bash > ${daemon_completion}
  COMMAND remapd completion zsh > ${daemon_zsh_completion}
  COMMAND remapd completion fish > ${daemon_fish_completion}
  COMMAND ${CMAKE_COMMAND} -E copy ${PROJECT_SOURCE_DIR}/packaging/debian/changelog
          ${daemon_changelog}
  COMMAND gzip -9nf ${daemon_changelog}
  DEPENDS remapd ${PROJECT_SOURCE_DIR}/packaging/debian/changelog
  VERBATIM)
add_custom_target(remapd_documentation ALL
                  DEPENDS ${daemon_manual}.gz ${daemon_completion} ${daemon_zsh_completion}
                          ${daemon_fish_completion} ${daemon_changelog}.gz)

include(GNUInstallDirs)
install(TARGETS remapd RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT daemon)
install(FILES ${daemon_manual}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT daemon)
install(FILES ${daemon_completion} RENAME remapd COMPONENT daemon
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${daemon_zsh_completion} COMPONENT daemon
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES ${daemon_fish_completion} COMPONENT daemon
        DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES ${daemon_changelog}.gz ${PROJECT_SOURCE_DIR}/packaging/debian/copyright
        COMPONENT daemon DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/remapd)
# Where the unit, and Debian 12, look for them, whatever the prefix (DESTDIR moves them).
install(FILES ${PROJECT_SOURCE_DIR}/configs/remapd.toml COMPONENT daemon
        DESTINATION /etc/remapd)
install(FILES ${PROJECT_SOURCE_DIR}/systemd/remapd.default RENAME remapd COMPONENT daemon
        DESTINATION /etc/default)
install(FILES ${PROJECT_SOURCE_DIR}/configs/grafana/remapd.json COMPONENT daemon
        DESTINATION ${CMAKE_INSTALL_DATADIR}/remapd/grafana)
install(FILES ${PROJECT_SOURCE_DIR}/configs/prometheus/alerts.yml COMPONENT daemon
        DESTINATION ${CMAKE_INSTALL_DATADIR}/remapd/prometheus)
install(FILES ${PROJECT_SOURCE_DIR}/systemd/remapd.service COMPONENT daemon
        DESTINATION /lib/systemd/system)

# The Python package of trainers, with its library inside: a package of its own, python3-remap.
set(python_library ${PROJECT_BINARY_DIR}/packaging/libremap.so)
add_custom_command(
  OUTPUT ${python_library}
  COMMAND ${CMAKE_STRIP} --strip-unneeded -o ${python_library} $<TARGET_FILE:remap>
  DEPENDS remap
  VERBATIM)
add_custom_target(remapd_python_library ALL DEPENDS ${python_library})
set(python_version ${PROJECT_BINARY_DIR}/packaging/_version.py)
file(CONFIGURE OUTPUT ${python_version} CONTENT "__version__ = \"${PROJECT_VERSION}\"\n")
set(python_home /usr/lib/python3/dist-packages/remap)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/client/python/remap/ COMPONENT python
        DESTINATION ${python_home} FILES_MATCHING PATTERN "*.py" PATTERN "py.typed"
        PATTERN "__pycache__" EXCLUDE)
install(FILES ${python_library} ${python_version} COMPONENT python DESTINATION ${python_home})
install(FILES ${daemon_changelog}.gz ${PROJECT_SOURCE_DIR}/packaging/debian/copyright
        COMPONENT python DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/python3-remap)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME remapd)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_PACKAGE_CONTACT "remapd developers <remapd@example.org>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL daemon python)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_DAEMON_PACKAGE_NAME remapd)
set(CPACK_DEBIAN_DAEMON_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_DAEMON_PACKAGE_SECTION net)
# procps has the kill of the unit's ExecReload.
set(CPACK_DEBIAN_DAEMON_PACKAGE_DEPENDS procps)
set(CPACK_DEBIAN_DAEMON_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_DAEMON_DESCRIPTION
"Recommender models keep one embedding row for each id and shrink their tables
by hashing ids into fewer rows. remapd learns from a stream of access events
(Kafka, or recorded logs) which ids deserve a row of their own and which may
share one, and publishes versioned mappings that trainers swap in without
stopping.")
set(CPACK_DEBIAN_DAEMON_PACKAGE_CONTROL_EXTRA
    ${PROJECT_SOURCE_DIR}/packaging/debian/conffiles ${PROJECT_SOURCE_DIR}/packaging/debian/postinst
    ${PROJECT_SOURCE_DIR}/packaging/debian/prerm ${PROJECT_SOURCE_DIR}/packaging/debian/postrm)
set(CPACK_DEBIAN_PYTHON_PACKAGE_NAME python3-remap)
set(CPACK_DEBIAN_PYTHON_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SECTION python)
set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS "python3 (>= 3.11), python3-numpy")
set(CPACK_DEBIAN_PYTHON_DESCRIPTION
"The trainer's side of remapd: follows the mapping versions that remapd
publishes, looks up the rows of ids in numpy arrays, swaps when the trainer
says so, and migrates embedding rows and optimiser state. Has helpers for
PyTorch.")
set(CPACK_DEBIAN_PYTHON_PACKAGE_CONTROL_EXTRA
    ${PROJECT_SOURCE_DIR}/packaging/debian/python/postinst
    ${PROJECT_SOURCE_DIR}/packaging/debian/python/prerm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
